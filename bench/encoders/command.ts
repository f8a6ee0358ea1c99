import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { print, printJson, table } from '../../src/cli/output.ts';
import { settings } from '../../src/config.ts';
import type { Encoder } from '../../src/encoders/encoder.ts';
import { type Encoders, loadEncoders } from '../../src/encoders/encoders.ts';
import { makePhotographs } from '../ingest/photographs.ts';
import { count, counts } from '../options.ts';
import { texts } from '../serve/texts.ts';
import { median } from '../statistics.ts';

/** What is encoded: images alone, texts alone, or as many of both, their batches in turn. */
const kinds = ['images', 'texts', 'pairs'] as const;
type Kind = (typeof kinds)[number];

interface Arrangement {
  models: string;
  engines: number;
  batch: number;
}

/** Items a second of an arrangement, round by round. */
type Rates = Record<Kind, number[]>;

export const encoders = new Command('encoders')
  .summary('what the encoders alone can do: threads, batches, and other exports of them')
  .description(
    'Encodes ready tensors with each number of engines, batch size and folder of encoders, one after the other in alternating rounds. The threads are shared out among the engines, and every engine always has a batch.',
  )
  .option('--models <folders>', 'folders of encoders to compare, the first against the others', folders, [
    settings.models.default,
  ])
  .option('--engines <counts>', 'engines', counts, [1, availableParallelism()])
  .option('--batches <counts>', 'items of a batch', counts, [4, 16])
  .option('--threads <count>', 'threads of all engines together', count, availableParallelism())
  .option('--seconds <count>', 'seconds of one measurement', count, 2)
  .option('--rounds <count>', 'rounds, each with every arrangement', count, 5)
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nExample:\n  npm run -s bench -- encoders --models models,/tmp/exported')
  .action(async ({ models, engines, batches, threads, seconds, rounds, json }) => {
    const arrangements: Arrangement[] = batches.flatMap((batch: number) =>
      engines.flatMap((each: number) =>
        models.map((folder: string) => ({ models: folder, engines: each, batch })),
      ),
    );
    const results = new Map(
      arrangements.map((arrangement): [Arrangement, Rates] => [
        arrangement,
        { images: [], texts: [], pairs: [] },
      ]),
    );
    const images = await readPhotographs();
    for (let round = 0; round < rounds; round++)
      for (const [arrangement, rates] of round % 2 === 0 ? results : [...results].toReversed())
        await measure(arrangement, { images, threads, seconds }, rates);
    if (json)
      printJson({
        threads,
        results: [...results].map(([arrangement, rates]) => ({ ...arrangement, rates })),
      });
    else report(results, models[0]);
  });

async function readPhotographs(): Promise<Buffer[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-encoders-'));
  try {
    const files = await makePhotographs(folder, texts.length, [640, 480]);
    return await Promise.all(files.map((file) => readFile(file)));
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function measure(
  { models, engines, batch }: Arrangement,
  { images, threads, seconds }: { images: Buffer[]; threads: number; seconds: number },
  rates: Rates,
): Promise<void> {
  const loaded = await loadEncoders({
    encoders: {
      image: [path.join(models, 'efficientnet-lite0-whole')],
      text: [path.join(models, 'all-MiniLM-L6-v2')],
    },
    provider: 'cpu',
    threads,
    engines,
  });
  try {
    const image = await batchOf(loaded.byModality.image[0], images, batch);
    const text = await batchOf(loaded.byModality.text[0], texts, batch);
    const runs: Record<Kind, () => Promise<unknown>> = {
      images: image,
      texts: text,
      pairs: () => image().then(text),
    };
    for (const kind of kinds) rates[kind].push((await runsPerSecond(runs[kind], loaded, seconds)) * batch);
  } finally {
    await loaded.close();
  }
}

/** Encodes a batch of the first of some inputs, prepared beforehand. */
async function batchOf(
  encoder: Encoder,
  inputs: readonly (Uint8Array | string)[],
  size: number,
): Promise<() => Promise<unknown>> {
  const prepared = await Promise.all(
    Array.from({ length: size }, (_, index) => encoder.prepare(inputs[index % inputs.length])),
  );
  return () => encoder.encode(prepared);
}

async function runsPerSecond(
  run: () => Promise<unknown>,
  { engines }: Encoders,
  seconds: number,
): Promise<number> {
  await run();
  const started = performance.now();
  let runs = 0;
  const keepRunning = async () => {
    while (performance.now() - started < 1000 * seconds) {
      await run();
      runs++;
    }
  };
  // One more than there are engines, so that none waits for the next batch to be put together.
  await Promise.all(Array.from({ length: engines + 1 }, keepRunning));
  return runs / ((performance.now() - started) / 1000);
}

function report(results: Map<Arrangement, Rates>, first: string): void {
  const rows = [...results].map(([{ models, engines, batch }, rates]) => {
    const [base] = [...results]
      .find(([other]) => other.models === first && other.engines === engines && other.batch === batch)!
      .slice(1) as [Rates];
    return [
      models,
      String(engines),
      String(batch),
      ...kinds.map((kind) => {
        const ratio = median(rates[kind].map((rate, round) => rate / base[kind][round]));
        return `${median(rates[kind]).toFixed(0)}${models === first ? '' : ` (${ratio.toFixed(2)})`}`;
      }),
    ];
  });
  print(table([['encoders', 'engines', 'batch', 'pictures/s', 'texts/s', 'pairs/s'], ...rows]));
  print('in parentheses: against the first folder, the median of the rounds');
}

function folders(text: string): string[] {
  return text.split(',');
}
