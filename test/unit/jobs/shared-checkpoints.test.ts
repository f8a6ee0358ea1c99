import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { JobStore } from '../../../src/jobs/job-store.ts';
import type { Ownership } from '../../../src/jobs/ownership.ts';
import { SharedCheckpoints } from '../../../src/jobs/shared-checkpoints.ts';
import { Engine } from '../../../src/runtime/engine.ts';
import { CheckpointFolder, type WrittenCheckpoint } from '../../../src/training/loop/checkpoints.ts';
import { defaultRecipe } from '../../../src/training/loop/recipe.ts';
import { trainHead } from '../../../src/training/loop/trainer.ts';
import { temporaryFolder } from '../datasets/sample.ts';
import { temporaryStore } from '../store/test-store.ts';
import { syntheticTable } from '../training/synthetic.ts';

const engine = Engine.start({ provider: 'cpu', threads: 1 });
afterAll(() => engine.close());

const table = syntheticTable({ rows: 203, classes: 4, dimensions: { image: 24, text: 16 } });

/** Trains as a job does, until some steps are taken. */
async function train(folder: string, stopAt: number, onWritten: (written: WrittenCheckpoint) => void) {
  const stop = new AbortController();
  const reported: number[] = [];
  const trained = await trainHead(engine, table, {
    classes: 4,
    recipe: { ...defaultRecipe, hidden: 16, minimumSteps: 600 },
    seed: 5,
    // None is due by itself: what is kept is kept because the training is stopped.
    checkpoint: new CheckpointFolder(folder, {}, { seconds: 3600, onWritten }).stage('final'),
    signal: stop.signal,
    onProgress: ({ done }) => {
      reported.push(done);
      if (done >= stopAt) stop.abort();
    },
  }).catch((error) => {
    if (error.code !== 'job-cancelled') throw error;
    return undefined;
  });
  return { trained, first: reported[0], last: reported.at(-1)! };
}

async function openJob() {
  const store = await temporaryStore();
  const jobs = new JobStore(store.database);
  await jobs.add(
    { id: 'a', kind: 'train', state: 'queued', head: 'pets', dataset: 'pets', priority: 0, createdAt: '' },
    { work: { head: 'pets', seed: 0 }, reading: {}, source: { imported: 'pets-1' } },
    10,
    async () => {},
  );
  const lost: Error[] = [];
  const open = async (owner: Ownership, seconds?: number) => {
    const folder = path.join(await temporaryFolder(), 'checkpoints');
    const onLost = (error: Error) => lost.push(error);
    return { folder, shared: new SharedCheckpoints({ store, jobs, owner, folder, seconds, onLost }) };
  };
  const take = async (runner: string) => (await jobs.take('a', runner))!.ownership;
  const keys = async () => (await Array.fromAsync(store.artifacts.list('checkpoints'))).map(({ key }) => key);
  return { jobs, lost, open, take, keys };
}

it('lets another server resume where one was stopped, to the same bytes', async () => {
  const { trained: whole } = await train(await temporaryFolder(), Number.POSITIVE_INFINITY, () => {});
  const { open, take, keys, jobs } = await openJob();
  const first = await open(await take('one'));
  const { last } = await train(first.folder, 100, (written) => first.shared.note(written));
  await first.shared.upload();
  expect((await jobs.get('a')).checkpoint.final.step).toBe(last);
  const second = await open(await take('two'));
  await second.shared.download();
  const resumed = await train(second.folder, last + 100, (written) => second.shared.note(written));
  expect(resumed.first).toBeGreaterThan(last);
  await second.shared.upload();
  expect((await keys()).length).toBe(1);
  // The second got further than the first, whose attempt does not count any more.
  expect((await jobs.get('a')).attempts).toBe(1);
  const third = await open(await take('three'));
  await third.shared.download();
  const { trained } = await train(third.folder, Number.POSITIVE_INFINITY, () => {});
  expect(trained).toEqual(whole);
});

it('keeps the checkpoint of the owner, not of one that lost the job', async () => {
  const { open, take, jobs, lost } = await openJob();
  const first = await open(await take('one'));
  const owner = await take('two');
  await jobs.keepCheckpoint(owner, { final: { key: 'checkpoints/a/kept', step: 7 } });
  await train(first.folder, 50, (written) => first.shared.note(written));
  await first.shared.upload();
  expect(lost).toMatchObject([{ code: 'job-conflict' }]);
  expect((await jobs.get('a')).checkpoint.final.key).toBe('checkpoints/a/kept');
});

it('uploads seldom, however often checkpoints are written', async () => {
  const { open, take, keys } = await openJob();
  const { folder, shared } = await open(await take('one'), 3600);
  await train(folder, 50, (written) => {
    for (let time = 0; time < 100; time++) shared.note(written);
  });
  expect(await keys()).toEqual([]);
  await shared.upload();
  expect((await keys()).length).toBe(1);
});
