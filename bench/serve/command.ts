import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { print, printJson, table } from '../../src/cli/output.ts';
import { settings } from '../../src/config.ts';
import { makePhotographs } from '../ingest/photographs.ts';
import { count, counts, words } from '../options.ts';
import { median } from '../statistics.ts';
import { measureLimit } from './limit.ts';
import { type Form, formsOf, type LoadResult, putLoad } from './load.ts';
import { type ServerName, serverNames, startServer } from './servers.ts';
import { texts } from './texts.ts';

/** A little of every kind of load before any is measured. */
const warmUpSeconds = 2;

export const serve = new Command('serve')
  .summary('predictions a second over HTTP, against LitServe, BentoML and FastAPI')
  .description(
    'Posts forms with an image and a text to Tandem and to Python servers with the same ONNX files and threads, one server at a time, in alternating rounds; and runs the encoders alone, for the most that any server could reach. Tandem remembers no features here, unless --memory is given.',
  )
  .option(
    '--clients <counts>',
    'clients that ask at the same time, each after its answer',
    counts,
    [1, 8, 32],
  )
  .option('--servers <names>', `of ${serverNames.join(', ')}`, names, [...serverNames])
  .option('--seconds <count>', 'seconds of one measurement', count, 8)
  .option('--rounds <count>', 'rounds, each with every server', count, 3)
  .option('--threads <count>', 'threads of each side', count, availableParallelism())
  .option('--width <pixels>', 'width of the images', count, 640)
  .option('--height <pixels>', 'height of the images', count, 480)
  .option('--open <share>', 'ask also at a fixed rate: this share of the encoders’ own', Number)
  .option('--memory', 'let Tandem remember features, and ask the same over and over')
  .option('--flags <flags>', 'further flags of Tandem’s serve, in one string', words, [])
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nExample:\n  npm run -s bench -- serve --clients 8 --rounds 1')
  .action(async (options) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'bench-images-'));
    try {
      const images = await makePhotographs(folder, 64, [options.width, options.height]);
      const forms = await formsOf(images);
      const measured = new Measurements();
      for (let round = 0; round < options.rounds; round++) {
        const limit = await measureLimit(settings.models.default, { ...options, images, texts });
        measured.add('encoders alone', 'limit', { rate: limit, median: 0, p99: 0, failed: 0, lost: 0 });
        const order: ServerName[] = round % 2 === 0 ? options.servers : options.servers.toReversed();
        for (const name of order) await measureServer(name, forms, limit, options, measured);
      }
      report(measured, options);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

interface ServeOptions {
  clients: number[];
  servers: ServerName[];
  seconds: number;
  rounds: number;
  threads: number;
  width: number;
  height: number;
  open?: number;
  memory?: boolean;
  flags: string[];
  json?: boolean;
}

/** What was measured of each server under each load, round by round. */
class Measurements {
  readonly #results = new Map<string, Map<string, LoadResult[]>>();

  add(load: string, server: string, result: LoadResult): void {
    const servers = this.#results.get(load) ?? new Map<string, LoadResult[]>();
    this.#results.set(load, servers);
    servers.set(server, [...(servers.get(server) ?? []), result]);
  }

  /** Medians over the rounds, and the best round's rate. */
  summarise() {
    return [...this.#results].flatMap(([load, servers]) =>
      [...servers].map(([server, results]) => {
        const middle = (key: keyof LoadResult) => median(results.map((result) => result[key]));
        return {
          load,
          server,
          rate: middle('rate'),
          bestRate: Math.max(...results.map(({ rate }) => rate)),
          median: middle('median'),
          p99: middle('p99'),
          failed: results.reduce((sum, { failed }) => sum + failed, 0),
        };
      }),
    );
  }
}

async function measureServer(
  name: ServerName,
  forms: readonly Form[],
  limit: number,
  { clients, seconds, threads, open, memory, flags }: ServeOptions,
  measured: Measurements,
): Promise<void> {
  const own = [...(memory ? [] : ['--memory', '0']), ...flags];
  const server = await startServer(name, {
    threads,
    flags: own,
    probe: forms[0],
  });
  const put = (clients: number, seconds: number, rate?: number) =>
    putLoad({ url: server.url, forms, clients, extent: { seconds }, rate });
  try {
    for (const each of clients) await put(each, warmUpSeconds);
    for (const each of clients) measured.add(`${each} clients`, name, await put(each, seconds));
    if (open !== undefined) {
      const rate = Math.round(open * limit);
      measured.add(`open, ${open} of the limit`, name, await put(64, seconds, rate));
    }
  } finally {
    await server.close();
  }
}

function report(measured: Measurements, { json, width, height, threads, rounds }: ServeOptions): void {
  const results = measured.summarise();
  const limit = results[0].rate;
  const withRatios = results.slice(1).map((result) => ({ ...result, ofLimit: result.rate / limit }));
  if (json) {
    printJson({ width, height, threads, rounds, limit, results: withRatios });
    return;
  }
  print(`images of ${width} by ${height}, ${threads} threads, medians of ${rounds} rounds`);
  print(`encoders alone, batches of 16: ${limit.toFixed(0)} items/s`);
  print(
    table([
      ['load', 'server', 'answers/s', 'of the limit', 'median ms', 'p99 ms', 'failed'],
      ...withRatios.map((result) => [
        result.load,
        result.server,
        result.rate.toFixed(1),
        result.ofLimit.toFixed(2),
        result.median.toFixed(0),
        result.p99.toFixed(0),
        String(result.failed),
      ]),
    ]),
  );
}

function names(text: string): ServerName[] {
  const asked = text.split(',');
  const unknown = asked.filter((name) => !(serverNames as readonly string[]).includes(name));
  if (unknown.length > 0)
    throw new Error(`unknown servers: ${unknown.join(', ')}; there are ${serverNames.join(', ')}`);
  return asked as ServerName[];
}
