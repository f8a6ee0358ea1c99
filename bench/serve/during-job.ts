import { availableParallelism } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Command } from 'commander';
import { print, printJson, table } from '../../src/cli/output.ts';
import { makeJpegDataset } from '../job/images.ts';
import { count } from '../options.ts';
import { median } from '../statistics.ts';
import { makeForms, putLoad } from './load.ts';
import { startServer } from './servers.ts';

/** What a job does first is over by then: reading and encoding its dataset come next. */
const headStart = 500;

export const duringJob = new Command('during-job')
  .summary('how late predictions are while a fine-tuning runs, against without')
  .description(
    'Asks for predictions at a fixed rate, in pairs of rounds: nothing else going on, and while the server fine-tunes (encoding, recipe search and training come in turn).',
  )
  .option('--rate <count>', 'requests a second', count, 20)
  .option('--seconds <count>', 'seconds of one measurement', count, 10)
  .option('--rounds <count>', 'pairs', count, 3)
  .option('--examples <count>', 'images of the dataset', count, 400)
  .option('--threads <count>', 'threads of the encoders and of the trainer', count, availableParallelism())
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nExample:\n  npm run -s bench -- during-job --rounds 1')
  .action(async ({ rate, seconds, rounds, examples, threads, json }) => {
    const forms = await makeForms([640, 480]);
    const server = await startServer('tandem', { threads, flags: ['--memory', '0'], probe: forms[0] });
    const measure = () => putLoad({ url: server.url, forms, clients: 16, extent: { seconds }, rate });
    const results: Record<'without' | 'with', { median: number; p99: number }[]> = {
      without: [],
      with: [],
    };
    try {
      await measure();
      for (let round = 0; round < rounds; round++) {
        // Images of their own each time: what was encoded once is not encoded again.
        const dataset = `images-${round}`;
        await makeJpegDataset(path.join(server.data, 'datasets', dataset), examples, [640 + 2 * round, 480]);
        results.without.push(await measure());
        const address = await startJob(server.url, dataset, round);
        await pause(headStart);
        results.with.push(await measure());
        await fetch(address, { method: 'DELETE' });
        await pause(headStart);
      }
    } finally {
      await server.close();
    }
    report(results, json);
  });

/** @returns the job's address */
async function startJob(server: string, dataset: string, seed: number): Promise<URL> {
  const response = await fetch(new URL('/v1/jobs', server), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ head: 'bench', dataset, seed }),
  });
  if (response.status !== 202) throw new Error(`no job: ${await response.text()}`);
  return new URL(response.headers.get('Location')!, server);
}

function report(results: Record<string, { median: number; p99: number }[]>, json: boolean): void {
  const ratios = results.with.map(({ p99 }, round) => p99 / results.without[round].p99);
  if (json) {
    printJson({
      results,
      ratio: { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) },
    });
    return;
  }
  const row = (name: string) =>
    (['median', 'p99'] as const).map((key) => median(results[name].map((result) => result[key])).toFixed(0));
  print(
    table([
      ['fine-tuning', 'median ms', 'p99 ms'],
      ['without', ...row('without')],
      ['with', ...row('with')],
    ]),
  );
  print(
    `p99 with over without: ${median(ratios).toFixed(2)} (${ratios.map((ratio) => ratio.toFixed(2)).join(', ')})`,
  );
}
