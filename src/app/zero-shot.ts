import type { EncoderNames } from '../encoders/encoder-names.ts';
import { writeZeroShotReport } from '../reports/report.ts';
import type { ZeroShotRequest } from '../training/zero-shot/request.ts';
import { type ZeroShotSummary, zeroShotHead } from '../training/zero-shot/zero-shot-head.ts';
import { checkOptions, zeroShotOptions } from './check-options.ts';
import type { Context } from './context.ts';

/** `imageEncoder`, `textEncoder`: in the place of those that the settings name. */
export interface ZeroShotHeadOptions extends Omit<ZeroShotRequest, 'head'>, EncoderNames {
  signal?: AbortSignal;
}

/** See `Heads.zeroShot`. */
export async function makeZeroShotHead(
  context: Context,
  head: string,
  options: ZeroShotHeadOptions,
): Promise<ZeroShotSummary> {
  checkOptions(zeroShotOptions, options);
  const encoders = await context.encodersFor(options);
  const registry = await context.registry();
  const needsImages = options.imageEncoder !== undefined;
  return zeroShotHead(encoders, registry, {
    ...{ needsImages, ...options, head },
    writeReport: writeZeroShotReport,
  });
}
