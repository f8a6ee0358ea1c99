import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { storeOptions } from '../../src/app/store-options.ts';
import { print, printJson, table } from '../../src/cli/output.ts';
import { parseHeadManifest } from '../../src/heads/head.ts';
import { headFiles } from '../../src/heads/manifest.ts';
import { HeadRegistry } from '../../src/heads/registry/heads.ts';
import { openTandem } from '../../src/index.ts';
import { completeSettings } from '../../src/read-settings.ts';
import { openStore } from '../../src/store/store.ts';
import { count, words } from '../options.ts';
import { orderedWords } from '../quality/ordered-words.ts';
import { median } from '../statistics.ts';
import { type Form, type LoadResult, putLoad, textForm } from './load.ts';
import { startServer } from './servers.ts';

const situations = ['one frozen head', 'one tuned head', 'all tuned heads in turn'] as const;
/** Different texts that are asked: more than are answered between two of the same. */
const textCount = 2048;

export const tunedHeads = new Command('tuned-heads')
  .summary('how late predictions of many tuned heads on one trunk are, against one head’s')
  .description(
    'Trains a head and tunes it with the last blocks of the text encoder, registers it under many names, and asks for predictions of texts without a pause, in rounds of three: the head on frozen features; one tuned head; and every tuned head in turn.',
  )
  .option('--heads <count>', 'tuned heads', count, 100)
  .option('--blocks <count>', 'blocks of the text encoder that they own', count, 2)
  .option('--clients <count>', 'clients that ask at the same time', count, 8)
  .option('--seconds <count>', 'seconds of one measurement', count, 8)
  .option('--rounds <count>', 'rounds of all three', count, 5)
  .option('--threads <count>', 'threads of the encoders', count, availableParallelism())
  .option('--flags <flags>', 'further flags of serve, in one string', words, [])
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nExample:\n  npm run -s bench -- tuned-heads --heads 20 --rounds 1')
  .action(async ({ heads, blocks, clients, seconds, rounds, threads, flags, json }) => {
    const data = await mkdtemp(path.join(tmpdir(), 'bench-tuned-'));
    try {
      await trainHeads(data, { heads, blocks, threads });
      const all = Array.from({ length: heads }, (_, index) => `tuned-${index}`);
      const forms = [['frozen'], ['tuned-0'], all].map(formsOf);
      const server = await startServer('tandem', {
        threads,
        flags: ['--memory', '0', '--data', data, ...flags],
        probe: textForm('the cat chases the dog', 'tuned-0'),
      });
      const results: LoadResult[][] = situations.map(() => []);
      const measure = (own: readonly Form[], extent: { seconds: number } | { requests: number }) =>
        putLoad({ url: server.url, forms: own, clients, extent });
      try {
        for (const own of forms) await measure(own, { requests: Math.max(2 * heads, 200) });
        for (let round = 0; round < rounds; round++)
          for (const [index, own] of forms.entries()) results[index].push(await measure(own, { seconds }));
      } finally {
        await server.close();
      }
      report(results, json);
    } finally {
      await rm(data, { recursive: true });
    }
  });

/** Trains `frozen` and `tuned-0`, and registers the latter under the other names. */
async function trainHeads(
  data: string,
  { heads, blocks, threads }: { heads: number; blocks: number; threads: number },
): Promise<void> {
  const file = path.join(data, 'word-order.csv');
  await writeFile(file, orderedWords(400));
  const settings = { data, 'log-level': 'silent', threads } as const;
  await using tandem = await openTandem({ data, logLevel: 'silent', threads });
  const options = { search: false, refit: false };
  await tandem.train(file, { ...options, head: 'frozen' });
  const { tuning, folder } = await tandem.train(file, {
    ...{ ...options, head: 'tuned-0', tune: `text:last-${blocks}` },
  });
  if (!tuning) throw new Error('tuning did not pay: there is no tuned head to measure');
  await using store = await openStore(storeOptions(completeSettings(settings)));
  const registry = new HeadRegistry(store);
  const manifest = parseHeadManifest(await readFile(path.join(folder, headFiles.manifest), 'utf8'), folder);
  for (let index = 1; index < heads; index++) {
    const name = `tuned-${index}`;
    const write = async (into: string, version: number) => {
      for (const file of await readdir(folder))
        await copyFile(path.join(folder, file), path.join(into, file));
      await writeFile(path.join(into, headFiles.manifest), JSON.stringify({ ...manifest, name, version }));
    };
    await registry.register(name, write, { origin: 'trained' });
  }
}

/** Forms of different texts that ask heads in turn. */
function formsOf(heads: readonly string[]): Form[] {
  const [, ...rows] = orderedWords(textCount).trimEnd().split('\n');
  return rows.map((row, index) => textForm(row.slice(0, row.lastIndexOf(',')), heads[index % heads.length]));
}

function report(results: readonly LoadResult[][], json: boolean): void {
  const rows = situations.map((situation, index) => {
    const middle = (key: 'rate' | 'median' | 'p99') => median(results[index].map((result) => result[key]));
    const overOne = (key: 'rate' | 'p99') =>
      median(results[index].map((result, round) => result[key] / results[1][round][key]));
    return {
      ...{ situation, rate: middle('rate'), median: middle('median'), p99: middle('p99') },
      ratio: { rate: overOne('rate'), p99: overOne('p99') },
      failed: results[index].reduce((sum, { failed }) => sum + failed, 0),
    };
  });
  if (json) {
    printJson({ rows });
    return;
  }
  print(
    table([
      ['heads asked', 'answers/s', 'of one tuned head’s', 'median ms', 'p99 ms', 'over one’s', 'failed'],
      ...rows.map(({ situation, rate, median: half, p99, ratio, failed }) => [
        ...[situation, rate.toFixed(1), ratio.rate.toFixed(2), half.toFixed(0), p99.toFixed(0)],
        ...[ratio.p99.toFixed(2), String(failed)],
      ]),
    ]),
  );
}
