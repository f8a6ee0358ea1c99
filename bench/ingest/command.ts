import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import pMap from 'p-map';
import { encoderOptions } from '../../src/app/encoder-settings.ts';
import { numberOption } from '../../src/cli/options.ts';
import { print, printJson, table } from '../../src/cli/output.ts';
import { encoderSettings } from '../../src/config.ts';
import type { Dataset } from '../../src/datasets/example.ts';
import { type Encoders, loadEncoders } from '../../src/encoders/encoders.ts';
import { readEncoderManifest } from '../../src/encoders/specification.ts';
import { imagePreprocessing } from '../../src/modalities/image/preprocessing.ts';
import { readSettings } from '../../src/read-settings.ts';
import { extractFeatures } from '../../src/training/features/features.ts';
import { PeerWorker } from '../peers/worker.ts';
import { median } from '../statistics.ts';
import { makePhotographs } from './photographs.ts';

const decodedAtOnce = 16;
/** Images of a batch: what the CPU's cache likes best. */
const encodedAtOnce = 4;

export const ingest = new Command('ingest')
  .summary('images encoded a second, against Pillow and onnxruntime in Python')
  .description(
    'Times the way from JPEG files to features in Tandem and in Python with the same encoder, in alternating rounds; and decoding alone and encoding alone, to show how well one hides behind the other.',
  )
  .option('--encoder <name>', 'the image encoder: an id, a folder, or OWNER/NAME', 'efficientnet-lite0-whole')
  .option('--images <count>', 'images of a round', numberOption(16, 1_000_000), 256)
  .option('--width <pixels>', 'width of the images', numberOption(2, 10_000), 1024)
  .option('--height <pixels>', 'height of the images', numberOption(2, 10_000), 768)
  .option('--rounds <count>', 'rounds, each with all sides', numberOption(1, 1000), 7)
  .option('--threads <count>', 'threads of each side', numberOption(1, 1024), availableParallelism())
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nExample:\n  npm run -s bench -- ingest --rounds 5')
  .action(async ({ encoder, images, width, height, rounds, threads, json }) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'bench-ingest-'));
    const chosen = readSettings(encoderSettings, { 'image-encoder': encoder }, process.env);
    const options = await encoderOptions(chosen);
    const [model] = options.encoders.image;
    const { weights, preprocessing } = await readEncoderManifest(model);
    const { shortSide, crop, kernel, fit } = imagePreprocessing.parse(preprocessing);
    const encoders = await loadEncoders({ ...options, provider: 'cpu', engines: 'auto', threads });
    const peer = await PeerWorker.start('ingest.py');
    try {
      const paths = await makePhotographs(folder, images, [width, height]);
      await peer.call({
        ...{ command: 'load', model: path.join(model, weights), threads },
        preprocessing: { shortSide, crop, kernel, fit },
      });
      const python = (decoders: number) => peer.call<Cost>({ command: 'ingest', paths, threads: decoders });
      const sides: Record<string, () => Promise<Cost>> = {
        [whole]: () => measured(() => extractFeatures(encoders, asDataset(paths))),
        [decoding]: () => measured(() => decode(encoders, paths)),
        [encoding]: await encodingAlone(encoders, paths),
        [usual]: () => python(0),
        [ahead]: () => python(threads),
      };
      for (const side of Object.values(sides)) await side();
      const costs: Record<string, Cost[]> = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
      for (let round = 0; round < rounds; round++)
        for (const [name, side] of Object.entries(sides)) costs[name].push(await side());
      report(costs, images, json);
    } finally {
      await Promise.all([peer.close(), encoders.close()]);
      await rm(folder, { recursive: true });
    }
  });

/** What a round took: on the clock, and of all cores together. */
interface Cost {
  seconds: number;
  cpuSeconds: number;
}

const whole = 'tandem';
const decoding = 'tandem, decoding alone';
const encoding = 'tandem, encoding alone';
const usual = 'python, as most write it';
const ahead = 'python, decoding ahead';

function report(costs: Record<string, Cost[]>, images: number, json: boolean): void {
  const seconds = (side: string) => costs[side].map((cost) => cost.seconds);
  const cpu = (side: string) => costs[side].map((cost) => cost.cpuSeconds);
  const over = (others: number[], ours: number[]) => {
    const ratios = others.map((other, round) => other / ours[round]);
    return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) };
  };
  const added = (a: number[], b: number[]) => a.map((value, round) => value + b[round]);
  const [slower, both] = [Math.max, (a: number, b: number) => a + b].map((join) =>
    seconds(decoding).map((value, round) => join(value, seconds(encoding)[round])),
  );
  const ratios = {
    'against python, as most write it': over(seconds(usual), seconds(whole)),
    'against python, decoding ahead': over(seconds(ahead), seconds(whole)),
    'of the slower of decoding and encoding alone': over(slower, seconds(whole)),
    'of what decoding and encoding can do on the same cores': over(both, seconds(whole)),
    'CPU time, python as most write it': over(cpu(usual), cpu(whole)),
    'CPU time, decoding and encoding alone': over(added(cpu(decoding), cpu(encoding)), cpu(whole)),
  };
  const rates = Object.keys(costs).map((side) => ({
    side,
    imagesPerSecond: images / median(seconds(side)),
    cpuMilliseconds: (1000 * median(cpu(side))) / images,
  }));
  if (json) {
    printJson({ rates, ratios, costs });
    return;
  }
  print(
    table([
      ['side', 'pictures/s', 'CPU, ms an image'],
      ...rates.map(({ side, imagesPerSecond, cpuMilliseconds }) => [
        side,
        imagesPerSecond.toFixed(1),
        cpuMilliseconds.toFixed(1),
      ]),
    ]),
  );
  print();
  print(
    table([
      ['tandem', 'ratio', 'least', 'most'],
      ...Object.entries(ratios).map(([name, { median, least, most }]) => [
        name,
        ...[median, least, most].map((ratio) => ratio.toFixed(2)),
      ]),
    ]),
  );
}

async function measured(work: () => Promise<unknown>): Promise<Cost> {
  const started = performance.now();
  const cpu = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - started) / 1000, cpuSeconds: (user + system) / 1e6 };
}

function decode({ byModality }: Encoders, paths: readonly string[]): Promise<unknown[]> {
  return pMap(paths, (file) => byModality.image[0].prepare(file), { concurrency: decodedAtOnce });
}

/** As fast as the encoder goes on images that are ready: every engine has a batch at any time. */
async function encodingAlone(encoders: Encoders, paths: readonly string[]): Promise<() => Promise<Cost>> {
  const pixels = await decode(encoders, paths);
  const batches = Array.from({ length: Math.ceil(pixels.length / encodedAtOnce) }, (_, batch) =>
    pixels.slice(batch * encodedAtOnce, (batch + 1) * encodedAtOnce),
  );
  return () =>
    measured(() =>
      pMap(batches, (batch) => encoders.byModality.image[0].encode(batch), {
        concurrency: encoders.engines + 1,
      }),
    );
}

/** Every image another key, so that each is encoded. */
function asDataset(paths: readonly string[]): Dataset {
  const examples = paths.map((path, index) => ({
    row: index,
    content: { image: { path, sha256: index.toString(16).padStart(64, '0') } },
    truth: { class: 'any' },
  }));
  const labels = ['any'];
  return {
    name: 'photographs',
    target: 'single',
    labels,
    examples,
    hash: '',
    notes: [],
  };
}
