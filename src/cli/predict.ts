import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { encoderOptions } from '../app/encoder-settings.ts';
import { shippedHeads, storeOptions } from '../app/store-options.ts';
import { headSettings } from '../config.ts';
import { loadEncoders } from '../encoders/encoders.ts';
import { TandemError } from '../errors.ts';
import { HeadEngines, sayingWhoStopped } from '../heads/engines.ts';
import { loadHead } from '../heads/head.ts';
import { Predictor } from '../heads/predictor.ts';
import { HeadRegistry } from '../heads/registry/heads.ts';
import { whyUnreadable } from '../store/files/why-unreadable.ts';
import { openStore } from '../store/store.ts';
import type { TargetPrediction } from '../targets/prediction.ts';
import { addSettings, example, settingsOf } from './options.ts';
import { numberText, percent, print, printJson, table } from './output.ts';

export const predict = addSettings(
  new Command('predict')
    .summary('classify one picture, text or both')
    .description('Classifies one picture, one text, or both together.')
    .option('--image <file>', 'a JPEG, PNG or WebP file')
    .option('--text <text>', 'a text')
    .option('--head <head>', 'name, or name@version', 'emoji')
    .option('--top-k <count>', 'labels to show', '5')
    .option('--json', 'print one JSON object'),
  headSettings,
)
  .addHelpText('after', example('predict --image cat.jpg --text "a cat on the sofa"'))
  .action(async (options, command: Command) => {
    const topK = Number(options.topK);
    if (!Number.isInteger(topK) || topK < 1)
      throw new TandemError(
        'invalid-request',
        `--top-k must be a whole number from 1 on, not ${options.topK}`,
      );
    if (options.image === undefined && options.text === undefined)
      throw new TandemError('empty-request', 'give --image, --text or both');
    const image = options.image === undefined ? undefined : await readPicture(options.image);
    const chosen = settingsOf(command, headSettings);
    await using store = await openStore(storeOptions(chosen));
    const version = await new HeadRegistry(store, shippedHeads(chosen)).open(options.head);
    const encoders = await loadEncoders({ ...encoderOptions(chosen), engines: 1 });
    const engines = new HeadEngines({
      provider: encoders.provider.provider,
      timeout: chosen['head-timeout'],
    });
    try {
      const predictor = new Predictor(encoders);
      const { head, result } = await sayingWhoStopped(async () => {
        const head = await loadHead(engines.loaderOf(version), version, encoders.fingerprints);
        const [result] = await predictor.predict(head, [{ content: { image, text: options.text } }], {
          topK,
        });
        return { head, result };
      });
      if (result instanceof TandemError) throw result;
      const { name, version: number } = head.manifest;
      if (options.json) printJson({ head: { name, version: number }, ...result });
      else {
        print(`${name}@${number}, from ${result.modalities.join(' and ')}:`);
        print(opinionTable(result));
        for (const [modality, opinion] of Object.entries(result.unimodal))
          print(`${modality} alone says ${inWords(opinion)}`);
      }
    } finally {
      await Promise.all([engines.close(), encoders.close()]);
    }
  });

function opinionTable({ labels, value }: TargetPrediction): string {
  if (value !== undefined) return numberText(value);
  return table(
    labels.map(({ label, probability, given }) => [label, percent(probability), given ? 'given' : '']),
  );
}

function inWords({ labels, value }: TargetPrediction): string {
  if (value !== undefined) return numberText(value);
  const given = labels.filter((label) => label.given);
  const said = labels[0].given === undefined ? labels.slice(0, 1) : given;
  return said.map(({ label, probability }) => `${label} (${percent(probability)})`).join(', ') || 'no label';
}

async function readPicture(file: string): Promise<Buffer> {
  return readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new TandemError('invalid-picture', `${file}: ${whyUnreadable(error)}`, { cause: error });
  });
}
