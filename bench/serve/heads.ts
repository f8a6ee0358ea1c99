import { availableParallelism } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { Command } from 'commander';
import { print, printJson, table } from '../../src/cli/output.ts';
import { count } from '../options.ts';
import { median } from '../statistics.ts';
import { type Form, type LoadResult, makeForms, putLoad } from './load.ts';
import { type BenchedServer, startServer } from './servers.ts';

/** Milliseconds from one switch of the alias to the next; every fifth time a version is registered before it. */
const pace = 100;

const situations = ['one head', 'while it is switched', 'a thousand in turn'] as const;

export const heads = new Command('heads')
  .summary('how late predictions are while heads are switched and registered, against without')
  .description(
    'Registers very many heads over HTTP, then asks for predictions without a pause, in rounds of three: one head by its alias; the same while the alias is switched ten times a second and versions are registered twice a second; and every head in turn, with memory for few of them.',
  )
  .option('--heads <count>', 'heads that are registered', count, 1000)
  .option('--clients <count>', 'clients that ask at the same time', count, 8)
  .option('--seconds <count>', 'seconds of one measurement', count, 8)
  .option('--rounds <count>', 'rounds of all three', count, 5)
  .option('--threads <count>', 'threads of the encoders', count, availableParallelism())
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nExample:\n  npm run -s bench -- heads --heads 100 --rounds 1')
  .action(async ({ heads: many, clients, seconds, rounds, threads, json }) => {
    const named = await makeForms([640, 480], ['pets@production']);
    const inTurn = await makeForms(
      [640, 480],
      Array.from({ length: many }, (_, index) => `head-${index}`),
    );
    const flags = ['--memory', '0', '--head-memory', '20'];
    const server = await startServer('tandem', { threads, flags, probe: (await makeForms([64, 48]))[0] });
    const results: LoadResult[][] = situations.map(() => []);
    try {
      const registry = await Registry.open(server);
      for (let index = 0; index < many; index++) await registry.register(`head-${index}`);
      await registry.register('pets');
      await registry.register('pets');
      await registry.switchTo(1);
      const measure = (forms: readonly Form[]) =>
        putLoad({ url: server.url, forms, clients, extent: { seconds } });
      await measure(named);
      for (let round = 0; round < rounds; round++) {
        results[0].push(await measure(named));
        const stop = registry.keepChanging();
        results[1].push(await measure(named));
        await stop();
        results[2].push(await measure(inTurn));
      }
    } finally {
      await server.close();
    }
    report(results, json);
  });

/** The heads of a server, as its administrator changes them. */
class Registry {
  readonly #server: string;
  readonly #head: Blob;

  private constructor(server: string, head: Blob) {
    this.#server = server;
    this.#head = head;
  }

  static async open({ url }: BenchedServer): Promise<Registry> {
    const response = await fetch(new URL('/v1/heads/emoji/versions/1/export', url));
    return new Registry(url, await response.blob());
  }

  async register(name: string): Promise<void> {
    const form = new FormData();
    form.set('name', name);
    form.set('file', this.#head, 'head.tar');
    await expectOk(fetch(new URL('/v1/heads', this.#server), { method: 'POST', body: form }));
  }

  async switchTo(version: number): Promise<void> {
    await expectOk(
      fetch(new URL('/v1/heads/pets/aliases/production', this.#server), {
        method: 'PUT',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ version }),
      }),
    );
  }

  /** Switches between two versions, and registers more of them. @returns what ends it */
  keepChanging(): () => Promise<void> {
    let changing = true;
    const changes = (async () => {
      for (let times = 0; changing; times++) {
        if (times % 5 === 4) await this.register('pets');
        await this.switchTo(1 + (times % 2));
        await pause(pace);
      }
    })();
    return async () => {
      changing = false;
      await changes;
    };
  }
}

async function expectOk(asked: Promise<Response>): Promise<void> {
  const response = await asked;
  if (!response.ok) throw new Error(await response.text());
  await response.body?.cancel();
}

function report(results: readonly LoadResult[][], json: boolean): void {
  const ratios = results.map((rounds) => rounds.map(({ p99 }, round) => p99 / results[0][round].p99));
  const rows = situations.map((situation, index) => {
    const middle = (key: keyof LoadResult) => median(results[index].map((result) => result[key]));
    return {
      situation,
      rate: middle('rate'),
      median: middle('median'),
      p99: middle('p99'),
      ratio: {
        median: median(ratios[index]),
        least: Math.min(...ratios[index]),
        most: Math.max(...ratios[index]),
      },
      failed: results[index].reduce((sum, { failed }) => sum + failed, 0),
    };
  });
  if (json) {
    printJson({ rows });
    return;
  }
  print(
    table([
      ['heads asked', 'answers/s', 'median ms', 'p99 ms', 'p99 over one head’s', 'failed'],
      ...rows.map(({ situation, rate, median: half, p99, ratio, failed }) => [
        situation,
        rate.toFixed(1),
        half.toFixed(0),
        p99.toFixed(0),
        `${ratio.median.toFixed(2)} (${ratio.least.toFixed(2)} to ${ratio.most.toFixed(2)})`,
        String(failed),
      ]),
    ]),
  );
}
