import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { keepClean } from '../../../src/app/cleaning.ts';
import { DatasetCatalogue } from '../../../src/datasets/catalogue.ts';
import { HeadRegistry } from '../../../src/heads/registry/heads.ts';
import { temporaryStore } from '../store/test-store.ts';

/** Cleans a store that closes before its cleaning has got anywhere. */
async function cleanClosing() {
  const store = await temporaryStore();
  const lines: string[] = [];
  const logger = pino({}, { write: (line: string) => void lines.push(line) });
  const closed = Promise.withResolvers<void>();
  const owners = [new HeadRegistry(store), new DatasetCatalogue(store)];
  const cleaned = owners.map((owner) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    return { promise, clean: () => closed.promise.then(() => owner.clean()).finally(resolve) };
  });
  const end = keepClean(cleaned, logger);
  onTestFinished(end);
  return {
    end,
    async log() {
      await store.close();
      closed.resolve();
      await Promise.all(cleaned.map(({ promise }) => promise));
      await pause(1);
      return lines.join('');
    },
  };
}

it('says of a cleaning that fails that something is left', async () => {
  const { log } = await cleanClosing();
  expect(await log()).toContain('what a crash left is still there');
});

it('says nothing of a cleaning that the end of the server breaks off', async () => {
  const { end, log } = await cleanClosing();
  end();
  expect(await log()).toBe('');
});
