import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { JobStore } from '../../../src/jobs/job-store.ts';
import { temporaryStore } from '../store/test-store.ts';
import { openQueue, serverEncoders } from './open-queue.ts';

const encoders = { text: { id: 'texts', fingerprint: 'b2b2b2b2b2' } };

/** A server's queue, whose jobs would fail for want of encoders. */
async function open() {
  const store = await temporaryStore();
  const queue = await openQueue(store, { encoders: serverEncoders(encoders) });
  onTestFinished(() => queue.close());
  return { queue, store };
}

it('takes a job on a folder of its own where no other server may run it, and says elsewhere how to import it', async () => {
  const { queue, store } = await open();
  await mkdir(path.join(store.options.data, 'datasets', 'pets'), { recursive: true });
  const submitted = queue.submit({ work: { head: 'pets', seed: 0 }, source: { dataset: 'pets' } });
  if (store.options.databaseUrl === undefined)
    expect(await submitted).toMatchObject({ state: 'queued', dataset: 'pets' });
  else
    await expect(submitted).rejects.toMatchObject({
      code: 'invalid-request',
      message: expect.stringContaining('pets is a folder of this server'),
      fix: expect.stringContaining('POST /v1/datasets with {"folder":"pets"}'),
    });
});

it.runIf(process.env.TEST_DATABASE_URL)(
  'leaves a job that requires other encoders, and says so in the job',
  async () => {
    const { queue, store } = await open();
    const id = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa';
    await new JobStore(store.database).add(
      { id, kind: 'train', state: 'queued', head: 'pets', dataset: 'pets', priority: 0, createdAt: '' },
      {
        work: { head: 'pets', seed: 0 },
        reading: {},
        source: { imported: 'pets-1' },
        encoders: { text: { id: 'texts', fingerprint: 'c3c3c3c3c3' } },
      },
      10,
      async () => {},
    );
    const reason = 'it waits for a server that has texts (c3c3c3c3)';
    await expect.poll(() => queue.get(id)).toMatchObject({ state: 'queued', reason });
  },
);
