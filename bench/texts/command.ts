import { availableParallelism } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { encoderOptions } from '../../src/app/encoder-settings.ts';
import { numberOption } from '../../src/cli/options.ts';
import { print, printJson, table } from '../../src/cli/output.ts';
import { encoderSettings } from '../../src/config.ts';
import { encodeMany } from '../../src/encoders/encode-many.ts';
import { type Encoders, loadEncoders } from '../../src/encoders/encoders.ts';
import { readEncoderManifest } from '../../src/encoders/specification.ts';
import { itemAt } from '../../src/indexing.ts';
import { textPreprocessing } from '../../src/modalities/text/preprocessing.ts';
import { Random } from '../../src/random.ts';
import { readSettings } from '../../src/read-settings.ts';
import { PeerWorker } from '../peers/worker.ts';
import { texts as sentences } from '../serve/texts.ts';
import { median } from '../statistics.ts';

/** Half of the texts are one sentence, a quarter two, and so on. */
const another = 0.5;
/** Features of other arithmetic may differ so much. */
const largestDifference = 1e-3;

export const texts = new Command('texts')
  .summary('texts encoded a second, against tokenizers and onnxruntime in Python')
  .description(
    'Times the way from texts to features in Tandem and in Python with the same ONNX file and threads, in alternating rounds. Python takes batches of 32, as the texts come and sorted by length.',
  )
  .option(
    '--encoders <names...>',
    'text encoders: an id, a folder, or OWNER/NAME; TANDEM_DATA says where added ones are',
    ['all-MiniLM-L6-v2'],
  )
  .option('--texts <count>', 'texts of a round', numberOption(32, 1_000_000), 1024)
  .option('--rounds <count>', 'rounds, each with all sides', numberOption(1, 1000), 7)
  .option('--threads <count>', 'threads of each side', numberOption(1, 1024), availableParallelism())
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nExample:\n  npm run -s bench -- texts --rounds 5')
  .action(async ({ encoders, texts, rounds, threads, json }) => {
    const content = listings(texts);
    const results: Result[] = [];
    for (const name of encoders) results.push(await measure(name, content, { rounds, threads }));
    if (json) printJson({ texts, threads, results });
    else
      print(
        table([
          ['encoder', 'side', 'texts/s', 'CPU, ms a text', 'median', 'least'],
          ...results.flatMap(rows),
        ]),
      );
  });

const sides = {
  tandem: 'tandem',
  ordered: 'python, as the texts come',
  sorted: 'python, sorted by length',
} as const;
type Side = keyof typeof sides;

/** What a round took: on the clock, and of all cores together. */
interface Cost {
  seconds: number;
  cpuSeconds: number;
  first: number[];
}

interface Result {
  encoder: string;
  texts: number;
  costs: Record<Side, Cost[]>;
}

async function measure(
  name: string,
  content: readonly string[],
  { rounds, threads }: { rounds: number; threads: number },
): Promise<Result> {
  const chosen = readSettings(encoderSettings, { 'text-encoder': name }, process.env);
  const options = await encoderOptions(chosen);
  const [folder] = options.encoders.text;
  const { id, weights, preprocessing } = await readEncoderManifest(folder);
  const { maximumTokens, prefix = '' } = textPreprocessing.parse(preprocessing);
  const encoders = await loadEncoders({ ...options, provider: 'cpu', engines: 'auto', threads });
  const peer = await PeerWorker.start('texts.py');
  try {
    const model = path.join(folder, weights);
    const tokenizer = path.join(folder, 'tokenizer.json');
    await peer.call({ command: 'load', model, tokenizer, tokens: maximumTokens, threads });
    const prefixed = content.map((text) => prefix + text);
    const python = (sorted: boolean) => peer.call<Cost>({ command: 'encode', texts: prefixed, sorted });
    const run: Record<Side, () => Promise<Cost>> = {
      tandem: () => encode(encoders, content),
      ordered: () => python(false),
      sorted: () => python(true),
    };
    const costs: Result['costs'] = { tandem: [], ordered: [], sorted: [] };
    const order = Object.keys(run) as Side[];
    expectAlike(await Promise.all(order.map((side) => run[side]())));
    for (let round = 0; round < rounds; round++)
      for (const side of round % 2 === 0 ? order : order.toReversed()) costs[side].push(await run[side]());
    return { encoder: id, texts: content.length, costs };
  } finally {
    await Promise.all([peer.close(), encoders.close()]);
  }
}

async function encode(encoders: Encoders, content: readonly string[]): Promise<Cost> {
  const started = performance.now();
  const cpu = process.cpuUsage();
  const [first] = await encodeMany(encoders, 'text', content);
  const { user, system } = process.cpuUsage(cpu);
  if (!(first instanceof Float32Array)) throw first;
  return {
    seconds: (performance.now() - started) / 1000,
    cpuSeconds: (user + system) / 1e6,
    first: [...first],
  };
}

function expectAlike([own, ...others]: readonly Cost[]): void {
  for (const other of others)
    for (const [index, value] of other.first.entries())
      if (!(Math.abs(value - itemAt(own.first, index)) < largestDifference))
        throw new Error('Python and Tandem have other features: they measure something else');
}

/** Distinct texts as listings have them, of 1 to some 150 tokens. */
function listings(count: number): string[] {
  const random = new Random(0, 'texts');
  return Array.from({ length: count }, (_, index) => {
    const chosen = [`Lot ${index}:`];
    do chosen.push(itemAt(sentences, random.nextInteger(sentences.length)));
    while (random.nextFloat() < another);
    return chosen.join(' ');
  });
}

function rows({ encoder, texts, costs }: Result): string[][] {
  const own = costs.tandem.map(({ seconds }) => seconds);
  return (Object.keys(sides) as Side[]).map((side) => {
    const seconds = costs[side].map((cost) => cost.seconds);
    const cpu = costs[side].map(({ cpuSeconds }) => cpuSeconds);
    const ratios = seconds.map((value, round) => value / itemAt(own, round));
    return [
      encoder,
      sides[side],
      (texts / median(seconds)).toFixed(1),
      ((1000 * median(cpu)) / texts).toFixed(2),
      ...(side === 'tandem' ? ['', ''] : [median(ratios).toFixed(2), Math.min(...ratios).toFixed(2)]),
    ];
  });
}
