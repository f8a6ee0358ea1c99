import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { deleteUnused } from '../../../src/app/delete-dataset.ts';
import { DatasetCatalogue } from '../../../src/datasets/catalogue.ts';
import { importDataset } from '../../../src/datasets/import/import.ts';
import { openStore } from '../../../src/store/store.ts';
import { temporaryFolder } from '../../unit/datasets/sample.ts';
import { openQueue } from '../../unit/jobs/open-queue.ts';
import { storeAt } from '../../unit/store/test-store.ts';

/** Two servers on one store, where it takes two: one submits jobs, the other deletes. Jobs that run fail for want of encoders. */
async function openTwo(options: { atOnce?: number } = {}) {
  const data = await temporaryFolder();
  const open = async (runner: string) => {
    const store = await openStore(storeAt(data));
    const queue = await openQueue(store, { runner, maximumQueue: 1000, ...options });
    onTestFinished(async () => {
      await queue.close();
      await store.close();
    });
    return { store, queue, catalogue: new DatasetCatalogue(store) };
  };
  const submitting = await open('submitting');
  // On SQLite there is one server, and it has one connection.
  const deleting = storeAt(data).databaseUrl === undefined ? submitting : await open('deleting');
  const table = path.join(data, 'table');
  const bring = async (number: number) => {
    await writeFile(table, `text,label\na ${number},x\nb,x\nc,y\nd,y\n`);
    const source = { file: table, fileName: `set${number}.csv` };
    return (await importDataset(submitting.catalogue, source, { workspace: data })).record.id;
  };
  return { submitting, deleting, bring };
}

it('either keeps a dataset for a job that is submitted while it is deleted, or refuses the job', async () => {
  const { submitting, deleting, bring } = await openTwo({ atOnce: 0 });
  const outcomes = { submitted: 0, deleted: 0 };
  for (let round = 0; round < 25; round++) {
    const dataset = await bring(round);
    const submit = () => submitting.queue.submit({ work: { head: 'pets', seed: 0 }, source: { dataset } });
    const remove = () => deleteUnused(deleting.catalogue, dataset, deleting.queue);
    // The one that is asked first gets a longer start each round, so that they meet at every point of their work.
    const afterStart = async <T>(ask: () => Promise<T>) => {
      await setTimeout(4 * round);
      return ask();
    };
    const [submitted, deleted] =
      round % 2 === 0
        ? await Promise.allSettled([submit(), afterStart(remove)])
        : await Promise.allSettled([afterStart(submit), remove()]);
    const names = [submitted, deleted].map(({ status }) => status);
    expect(
      names.filter((status) => status === 'fulfilled'),
      `round ${round}`,
    ).toHaveLength(1);
    if (deleted.status === 'rejected') expect(deleted.reason).toMatchObject({ code: 'dataset-in-use' });
    if (submitted.status === 'rejected') expect(submitted.reason).toMatchObject({ code: 'unknown-dataset' });
    const isThere = (await submitting.catalogue.find(dataset)) !== undefined;
    expect(isThere).toBe(submitted.status === 'fulfilled');
    outcomes[submitted.status === 'fulfilled' ? 'submitted' : 'deleted']++;
  }
  // The test would show nothing if one of them always came first.
  expect(Math.min(outcomes.submitted, outcomes.deleted)).toBeGreaterThan(0);
});

it('does not retry a job whose dataset was deleted', async () => {
  const { submitting, bring } = await openTwo();
  const dataset = await bring(1);
  const { queue, catalogue } = submitting;
  const { id } = await queue.submit({ work: { head: 'pets', seed: 0 }, source: { dataset } });
  await queue.cancel(id);
  await expect.poll(async () => (await queue.get(id)).state).toMatch(/cancelled|failed/);
  await deleteUnused(catalogue, dataset, queue);
  await expect(queue.retry(id)).rejects.toMatchObject({ code: 'unknown-dataset' });
});

it('does not take the files of a dataset that is being deleted for a folder of the server', async () => {
  const { submitting } = await openTwo();
  const { queue, store } = submitting;
  const folder = path.join(store.options.data, 'datasets', 'pets-0a1b2c3d4e5f');
  await mkdir(folder, { recursive: true });
  const submit = () =>
    queue.submit({ work: { head: 'pets', seed: 0 }, source: { dataset: path.basename(folder) } });
  await writeFile(path.join(folder, `${randomUUID()}.jsonl`), '{}\n');
  await expect(submit()).rejects.toMatchObject({ code: 'unknown-dataset' });
  await rm(folder, { recursive: true });
  await mkdir(folder);
  await expect(submit()).rejects.toMatchObject({ code: 'unknown-dataset' });
});
