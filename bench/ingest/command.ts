import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { numberOption } from '../../src/commands/options.ts';
import { print, printJson, table } from '../../src/commands/output.ts';
import { encoderSettings, readSettings } from '../../src/config.ts';
import { type Encoders, loadEncoders } from '../../src/inference/encoders.ts';
import { concurrently } from '../../src/training/dataset/concurrently.ts';
import type { Dataset } from '../../src/training/dataset/dataset.ts';
import { extractFeatures } from '../../src/training/features/features.ts';
import { PeerWorker } from '../peers/worker.ts';
import { median } from '../statistics.ts';
import { makePhotographs } from './photographs.ts';

const batch = 16;

export const ingest = new Command('ingest')
  .summary('pictures encoded a second, against Pillow and onnxruntime in Python')
  .description(
    'Times the way from JPEG files to features in Tandem and in Python with the same encoder, in alternating rounds; and decoding alone and encoding alone, to show how well one hides behind the other.',
  )
  .option('--pictures <count>', 'pictures of a round', numberOption(16, 1_000_000), 256)
  .option('--width <pixels>', 'width of the pictures', numberOption(2, 10_000), 1024)
  .option('--height <pixels>', 'height of the pictures', numberOption(2, 10_000), 768)
  .option('--rounds <count>', 'rounds, each with all sides', numberOption(1, 1000), 7)
  .option('--threads <count>', 'threads of each side', numberOption(1, 1024), availableParallelism())
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nExample:\n  npm run -s bench -- ingest --rounds 5')
  .action(async ({ pictures, width, height, rounds, threads, json }) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'bench-ingest-'));
    const chosen = readSettings(encoderSettings, {}, process.env);
    const model = path.join(chosen.models, chosen['image-encoder']);
    const encoders = await loadEncoders({
      models: chosen.models,
      image: chosen['image-encoder'],
      text: chosen['text-encoder'],
      provider: 'cpu',
      engines: 'auto',
      threads,
    });
    const peer = await PeerWorker.start('ingest.py');
    try {
      const paths = await makePhotographs(folder, pictures, [width, height]);
      await peer.call({ command: 'load', model: path.join(model, 'onnx', 'model.onnx'), threads });
      const python = async (decoders: number) =>
        (await peer.call<{ seconds: number }>({ command: 'ingest', paths, threads: decoders })).seconds;
      const sides: Record<string, () => Promise<number>> = {
        tandem: () => timed(() => extractFeatures(encoders, asDataset(paths))),
        'tandem, decoding alone': () => timed(() => decode(encoders, paths)),
        'tandem, encoding alone': await encodingAlone(encoders, paths),
        'python, as most write it': () => python(0),
        'python, decoding ahead': () => python(threads),
      };
      for (const side of Object.values(sides)) await side();
      const seconds: Record<string, number[]> = Object.fromEntries(
        Object.keys(sides).map((name) => [name, []]),
      );
      for (let round = 0; round < rounds; round++)
        for (const [name, side] of Object.entries(sides)) seconds[name].push(await side());
      report(seconds, pictures, json);
    } finally {
      await Promise.all([peer.close(), encoders.close()]);
      await rm(folder, { recursive: true });
    }
  });

function report(seconds: Record<string, number[]>, pictures: number, json: boolean): void {
  const { tandem } = seconds;
  const slower = tandem.map((_, round) =>
    Math.max(seconds['tandem, decoding alone'][round], seconds['tandem, encoding alone'][round]),
  );
  const over = (others: number[]) => median(others.map((other, round) => other / tandem[round]));
  const rates = Object.fromEntries(
    Object.entries(seconds).map(([name, times]) => [name, pictures / median(times)]),
  );
  const ratios = {
    'against python, as most write it': over(seconds['python, as most write it']),
    'against python, decoding ahead': over(seconds['python, decoding ahead']),
    'against the slower of decoding and encoding alone': over(slower),
  };
  if (json) {
    printJson({ picturesPerSecond: rates, ratios, seconds });
    return;
  }
  print(
    table([['side', 'pictures/s'], ...Object.entries(rates).map(([name, rate]) => [name, rate.toFixed(1)])]),
  );
  print();
  print(
    table([['tandem', 'ratio'], ...Object.entries(ratios).map(([name, ratio]) => [name, ratio.toFixed(2)])]),
  );
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

function decode({ image }: Encoders, paths: readonly string[]): Promise<Uint8Array[]> {
  return concurrently(paths, batch, (file) => image.prepare(file));
}

async function encodingAlone(encoders: Encoders, paths: readonly string[]): Promise<() => Promise<number>> {
  const pixels = await decode(encoders, paths);
  return () =>
    timed(async () => {
      for (let start = 0; start < pixels.length; start += batch)
        await encoders.image.encode(pixels.slice(start, start + batch));
    });
}

/** Every picture another key, so that each is encoded. */
function asDataset(paths: readonly string[]): Dataset {
  const examples = paths.map((image, index) => ({
    row: index,
    image,
    imageHash: index.toString(16).padStart(64, '0'),
    label: 'any',
  }));
  const labels = ['any'];
  return {
    name: 'photographs',
    folder: '',
    target: 'single',
    labelSeparator: '|',
    labels,
    examples,
    hash: '',
    notes: [],
  };
}
