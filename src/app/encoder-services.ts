import pLimit from 'p-limit';
import type { EncoderAdditions } from '../encoders/hub/additions.ts';
import { parseModelName } from '../encoders/hub/model-name.ts';
import { TandemError } from '../errors.ts';
import type { InstalledEncoder, Services } from '../protocols/pipeline/services.ts';
import type { Context } from './context.ts';
import { encoderPlaces, hubOf } from './encoder-settings.ts';
import { type EncoderSummary, type InstalledEncoders, summarize } from './encoders.ts';

/** Checks that may wait for the one that is under way. */
const mostChecks = 8;

/**
 * What the HTTP layer asks about encoders: the library's, without paths of this machine. Models come by their names alone, from
 * the hub of the settings.
 */
export function encoderServices(
  context: Context,
  encoders: InstalledEncoders,
  additions: EncoderAdditions,
): Services['installedEncoders'] {
  const { settings } = context;
  const oneAtATime = pLimit(1);
  return {
    async list() {
      const { encoders: all, damaged } = await encoders.list();
      const problems = damaged.map(({ problem }) => ({ problem }));
      return { encoders: all.map(withoutFolder), ...(problems.length > 0 && { damaged: problems }) };
    },
    get: async (encoder) => withoutFolder(await encoders.get(encoder)),
    async add(reference, options, { signal, onProgress }) {
      const model = parseModelName(reference);
      if (!model)
        throw new TandemError('invalid-request', `model: ${JSON.stringify(reference)} is no name of the hub`);
      const order = { hub: hubOf(settings), model, places: encoderPlaces(settings) };
      const threads = { threads: settings.threads };
      const added = await additions.add(
        { ...order, options: { ...options, ...threads } },
        { signal, onProgress },
      );
      return withoutFolder(summarize(added));
    },
    async check(reference) {
      if (oneAtATime.pendingCount >= mostChecks)
        throw new TandemError('overloaded', `${mostChecks} encoders are waiting to be checked`, {
          retryAfter: 30,
        });
      const encoder = await encoders.get(reference);
      const { proveEncoder } = await import('../encoders/prove.ts');
      const { threads } = settings;
      const proof = await oneAtATime(() => proveEncoder(encoder.folder, { threads }));
      return { ...withoutFolder(encoder), proof };
    },
    async remove(reference) {
      const { id, folder } = await encoders.get(reference);
      const { encoders: own } = await context.encoderOptions();
      if (Object.values(own).flat().includes(folder))
        throw new TandemError('encoder-in-use', `this server runs with ${id}`, {
          fix: 'Start the server with other encoders first.',
        });
      await encoders.remove(reference);
    },
  };
}

function withoutFolder({ folder: _, ...encoder }: EncoderSummary): InstalledEncoder {
  return encoder;
}
