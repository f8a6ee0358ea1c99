import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import pMap from 'p-map';
import { encoderOptions } from '../../src/app/encoder-settings.ts';
import { openTandem } from '../../src/app/open-tandem.ts';
import type { Tandem } from '../../src/app/tandem.ts';
import { numberOption } from '../../src/cli/options.ts';
import { print, printJson, table } from '../../src/cli/output.ts';
import { type Encoders, loadEncoders } from '../../src/encoders/encoders.ts';
import { completeSettings } from '../../src/read-settings.ts';
import { makePhotographs } from '../ingest/photographs.ts';
import { texts } from '../serve/texts.ts';
import { median } from '../statistics.ts';

/** Items of a batch of the encoders alone. */
const batchItems = { text: 16, image: 4 } as const;
/** Few and short, so that most of the time goes to rows. */
const repeatedTexts = ['cat', 'breakfast at the station'];
/** Milliseconds between two looks at the memory. */
const lookInterval = 200;

export const score = new Command('score')
  .summary('rows of a table scored a second, against the encoders alone, and the memory that it takes')
  .description(
    'Scores tables of texts and of images from file to file with the ready head, and runs the encoders alone on items that are ready, in alternating rounds. With --repeat one table of so many rows, few of them different, shows what is held in memory.',
  )
  .option('--texts <count>', 'rows of the table of texts', numberOption(16, 1_000_000), 2048)
  .option('--images <count>', 'rows of the table of images', numberOption(16, 100_000), 256)
  .option('--rounds <count>', 'rounds, each with all sides', numberOption(1, 1000), 5)
  .option(
    '--repeat <rows>',
    'score this many rows of two different texts instead, once',
    numberOption(1, 2_000_000),
  )
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nExample:\n  npm run -s bench -- score --rounds 3')
  .action(async ({ texts: textRows, images, rounds, repeat, json }) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'bench-score-'));
    const settings = completeSettings({ data: path.join(folder, 'data'), 'log-level': 'silent' });
    try {
      await using tandem = await openTandem(settings);
      if (repeat !== undefined) return reportMemory(await scoreOften(tandem, folder, repeat), json);
      const encoders = await loadEncoders(await encoderOptions(settings));
      try {
        const sides = [
          ...(await textSides(tandem, encoders, folder, textRows)),
          ...(await imageSides(tandem, encoders, folder, images)),
        ];
        for (const { run } of sides) await run();
        const seconds = new Map(sides.map(({ name }) => [name, [] as number[]]));
        for (let round = 0; round < rounds; round++)
          for (const { name, run } of sides) seconds.get(name)?.push(await timed(run));
        report(sides, seconds, json);
      } finally {
        await encoders.close();
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

interface Side {
  name: string;
  rows: number;
  run(): Promise<unknown>;
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return (performance.now() - started) / 1000;
}

/** No two alike. */
function textRow(row: number): string {
  return `${texts[row % texts.length]} (${row})`;
}

function scoring(tandem: Tandem, input: string): () => Promise<unknown> {
  return () => tandem.score(input, { out: `${input}.scored.csv`, force: true, head: 'emoji' });
}

async function textSides(tandem: Tandem, encoders: Encoders, folder: string, rows: number): Promise<Side[]> {
  const input = path.join(folder, 'texts.csv');
  const lines = Array.from({ length: rows }, (_, row) => `${row},"${textRow(row)}"`);
  await writeFile(input, `id,text\n${lines.join('\n')}\n`);
  const ready = await pMap(lines.keys(), (row) => encoders.byModality.text[0].prepare(textRow(row)), {
    concurrency: 16,
  });
  const sorted = ready.toSorted(
    (a, b) => encoders.byModality.text[0].costOf(a) - encoders.byModality.text[0].costOf(b),
  );
  return [
    { name: 'texts, scored', rows, run: scoring(tandem, input) },
    { name: 'texts, the encoder alone', rows, run: () => encodeReady(encoders, 'text', sorted) },
  ];
}

async function imageSides(tandem: Tandem, encoders: Encoders, folder: string, rows: number): Promise<Side[]> {
  const input = path.join(folder, 'images.csv');
  const paths = await makePhotographs(folder, rows, [640, 480]);
  await writeFile(input, `file_name\n${paths.map((file) => path.basename(file)).join('\n')}\n`);
  const prepare = () =>
    pMap(paths, (file) => encoders.byModality.image[0].prepare(file), { concurrency: 16 });
  const ready = await prepare();
  return [
    { name: 'images, scored', rows, run: scoring(tandem, input) },
    {
      name: 'images, decoding alone, then the encoder alone',
      rows,
      run: async () => {
        await prepare();
        await encodeReady(encoders, 'image', ready);
      },
    },
  ];
}

function encodeReady(
  encoders: Encoders,
  modality: 'text' | 'image',
  ready: readonly unknown[],
): Promise<unknown> {
  const size = batchItems[modality];
  const batches = Array.from({ length: Math.ceil(ready.length / size) }, (_, batch) =>
    ready.slice(batch * size, (batch + 1) * size),
  );
  return pMap(batches, (batch) => encoders.byModality[modality][0].encode(batch), {
    concurrency: encoders.engines + 1,
  });
}

function report(
  sides: readonly Side[],
  seconds: ReadonlyMap<string, number[]>,
  json: true | undefined,
): void {
  const of = (name: string) => seconds.get(name) ?? [];
  const rates = sides.map(({ name, rows }) => ({ name, rowsPerSecond: rows / median(of(name)) }));
  const ratios = [0, 2].map((at) => {
    const [ours, limit] = [of(sides[at].name), of(sides[at + 1].name)];
    const each = ours.map((value, round) => limit[round] / value);
    return { name: sides[at].name, median: median(each), least: Math.min(...each), most: Math.max(...each) };
  });
  if (json) {
    printJson({ rates, ratios });
    return;
  }
  print(
    table([['side', 'rows/s'], ...rates.map(({ name, rowsPerSecond }) => [name, rowsPerSecond.toFixed(1)])]),
  );
  print();
  print(
    table([
      ['of the limit', 'ratio', 'least', 'most'],
      ...ratios.map(({ name, ...values }) => [
        name,
        ...Object.values(values).map((value) => value.toFixed(2)),
      ]),
    ]),
  );
}

interface Memory {
  rows: number;
  seconds: number;
  /** MiB of the process, before the first row and at most. */
  before: number;
  most: number;
}

async function scoreOften(tandem: Tandem, folder: string, rows: number): Promise<Memory> {
  const small = path.join(folder, 'small.csv');
  await writeFile(small, `id,text\n${repeatedTexts.map((text, row) => `${row},"${text}"`).join('\n')}\n`);
  await scoring(tandem, small)();
  const input = path.join(folder, 'large.csv');
  await writeFile(input, 'id,text\n');
  for (let row = 0; row < rows; row += 10_000) {
    const count = Math.min(10_000, rows - row);
    const lines = Array.from(
      { length: count },
      (_, index) => `${row + index},"${repeatedTexts[index % repeatedTexts.length]}"\n`,
    );
    await writeFile(input, lines.join(''), { flag: 'a' });
  }
  const resident = () => process.memoryUsage.rss() / 2 ** 20;
  const before = resident();
  let most = before;
  const looking = setInterval(() => {
    most = Math.max(most, resident());
  }, lookInterval);
  const seconds = await timed(scoring(tandem, input)).finally(() => clearInterval(looking));
  return { rows, seconds, before, most };
}

function reportMemory(memory: Memory, json: true | undefined): void {
  if (json) {
    printJson(memory);
    return;
  }
  const { rows, seconds, before, most } = memory;
  print(
    `${rows} rows in ${seconds.toFixed(0)} s: ${before.toFixed(0)} MiB before, ${most.toFixed(0)} MiB at most`,
  );
}
