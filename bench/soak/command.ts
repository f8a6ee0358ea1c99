import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { print, printJson, table } from '../../src/cli/output.ts';
import { count } from '../options.ts';
import { type Form, makeForm, makeForms, putLoad, textForm } from '../serve/load.ts';
import { startServer } from '../serve/servers.ts';
import { texts } from '../serve/texts.ts';

/** A server's state after some of the requests. */
interface Reading {
  requests: number;
  residentMB: number;
  /** Milliseconds that the event loop was late, 99th percentile since the reading before. */
  loopDelayP99: number;
  failed: number;
  answersPerSecond: number;
}

export const soak = new Command('soak')
  .summary('memory and event loop over very many mixed requests')
  .description(
    'Sends images with texts that come again, texts that never came before, and images that are none, and reads memory and event loop from /metrics after each share.',
  )
  .option('--requests <count>', 'requests', count, 200_000)
  .option('--readings <count>', 'shares, each with a reading at its end', count, 20)
  .option('--clients <count>', 'clients that ask at the same time', count, 32)
  .option('--threads <count>', 'threads of the encoders', count, availableParallelism())
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nExample:\n  npm run -s bench -- soak --requests 20000')
  .action(async ({ requests, readings, clients, threads, json }) => {
    const known = await makeForms([640, 480]);
    const broken = await makeForm(Buffer.from('no image'), 'a text');
    const server = await startServer('tandem', {
      threads,
      // Little is remembered, so that what is does not look like growth.
      flags: ['--memory', '4'],
      probe: newText(0),
    });
    const results: Reading[] = [];
    try {
      let next = 1;
      const form = () => {
        const index = next++;
        if (index % 100 === 0) return broken;
        return index % 5 < 3 ? known[index % known.length] : newText(index);
      };
      const share = Math.ceil(requests / readings);
      for (let reading = 1; reading <= readings; reading++) {
        const started = performance.now();
        const extent = { requests: share };
        const { lost } = await putLoad({ url: server.url, forms: form, clients, extent });
        const seconds = (performance.now() - started) / 1000;
        results.push({
          requests: reading * share,
          ...(await read(new URL('/metrics', server.url))),
          failed: lost,
          answersPerSecond: share / seconds,
        });
      }
    } finally {
      await server.close();
    }
    report(results, json);
  });

/** A text that never came before. */
function newText(index: number): Form {
  return textForm(`${texts[index % texts.length]}, number ${index}`);
}

async function read(metrics: URL): Promise<Pick<Reading, 'residentMB' | 'loopDelayP99'>> {
  const text = await (await fetch(metrics)).text();
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1]);
  return {
    residentMB: value('process_resident_memory_bytes') / 1e6,
    // Node counts its timer's own 10 ms as delay: an idle server shows 10.1.
    loopDelayP99: 1000 * value('nodejs_eventloop_lag_p99_seconds') - 10,
  };
}

function report(results: readonly Reading[], json: boolean): void {
  if (json) {
    printJson({ results });
    return;
  }
  print(
    table([
      ['requests', 'resident, MB', 'event loop p99, ms', 'answers/s', 'failed'],
      ...results.map((reading) => [
        String(reading.requests),
        reading.residentMB.toFixed(0),
        reading.loopDelayP99.toFixed(1),
        reading.answersPerSecond.toFixed(0),
        String(reading.failed),
      ]),
    ]),
  );
}
