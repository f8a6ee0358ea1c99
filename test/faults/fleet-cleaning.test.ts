import path from 'node:path';
import { DeleteObjectsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { expect, it } from 'vitest';
import { print } from '../../src/cli/output.ts';
import { Random } from '../../src/random.ts';
import { form } from '../e2e/server.ts';
import { type Fleet, type FleetMember, prepareFleet } from './fleet.ts';
import { isShort, seed } from './options.ts';
import { clockAhead } from './restarted-server.ts';
import { type SampleRow, writeSample } from './sample.ts';

const day = 24 * 3_600_000;
/** Examples of each of two labels, each with an image of its own. */
const rowsPerLabel = isShort ? 10 : 80;
/** Milliseconds that everything takes on its way to a slow object store, each way. */
const slowness = isShort ? 2000 : 4000;
/** Milliseconds until a cleaning over such a way is done: it lists and removes three times. */
const cleaningTime = 14 * slowness;
/** Milliseconds that a small upload may take on a busy machine. */
const uploadTime = 9000;

interface Sample {
  file: string;
  name: string;
  rows: SampleRow[];
}

async function makeSample(fleet: Fleet, name: string, rowsPerLabel: number): Promise<Sample> {
  const file = path.join(fleet.members[0].data, '..', `${name}.zip`);
  return { file, name, rows: await writeSample(file, new Random(seed, name), rowsPerLabel) };
}

/** @returns the id of the dataset, and milliseconds that it took */
async function bring({ client }: FleetMember, { name, file }: Sample, status = 201) {
  const body = await form({ name }, { file });
  const began = performance.now();
  const { id } = await client.expect(status, 'POST', '/v1/datasets', body);
  return { id, took: performance.now() - began };
}

/** Every image of a dataset can be read and is the right one. */
async function expectWhole({ client }: FleetMember, id: string, { rows }: Sample): Promise<void> {
  const shown = await client.expect(200, 'GET', `/v1/datasets/${id}/rows?limit=200`);
  expect(shown.rows.map(({ image }: { image: { hash: string } }) => image.hash)).toEqual(
    rows.map(({ hash }) => hash),
  );
  await client.expect(200, 'GET', `/v1/datasets/${id}/export`);
}

it('keeps what one server acknowledges while another cleans, however slowly and by whatever clock', async () => {
  await using fleet = await prepareFleet(3);
  const [bringing, cleaning, reading] = fleet.members;
  await Promise.all([bringing.start(), reading.start()]);
  const [present, again] = await Promise.all(['present', 'again'].map((name) => makeSample(fleet, name, 10)));
  const kept = new Map([[(await bring(bringing, present)).id, present]]);
  // By its clock everything is two days old: what is there, and what comes in.
  cleaning.links.artifacts.delay(slowness);
  const started = cleaning.startIn({ NODE_OPTIONS: clockAhead(2 * day) });
  const until = performance.now() + cleaningTime;
  for (let round = 0; performance.now() < until; round++) {
    const sample = await makeSample(fleet, `round-${round}`, 10);
    kept.set((await bring(bringing, sample)).id, sample);
    // What comes again has images that are just being removed.
    const { id } = await bring(bringing, again, round === 0 ? 201 : 200);
    await bringing.client.expect(204, 'DELETE', `/v1/datasets/${id}`);
    expect((await bring(bringing, again)).id).toBe(id);
    kept.set(id, again);
  }
  await started;
  for (const [id, sample] of kept) await expectWhole(reading, id, sample);
});

it('repairs a dataset whose files are gone when it is imported again', async () => {
  await using fleet = await prepareFleet(2);
  const [bringing, reading] = fleet.members;
  await Promise.all([bringing.start(), reading.start()]);
  const sample = await makeSample(fleet, 'lost', rowsPerLabel);
  const { id } = await bring(bringing, sample);
  expect(await removeAll(fleet)).toBeGreaterThan(rowsPerLabel);
  await reading.client.expect(500, 'GET', `/v1/datasets/${id}/export`);
  expect((await bring(bringing, sample, 200)).id).toBe(id);
  await expectWhole(reading, id, sample);
});

/** Removes all images and lists of examples from the object store. @returns how many */
async function removeAll({ objects }: Fleet): Promise<number> {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = objects.environment;
  const client = new S3Client({
    endpoint: objects.endpoint,
    region: objects.environment.AWS_REGION,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
  const Bucket = new URL(objects.place).hostname;
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }));
  const Objects = Contents.filter(({ Key }) => /^(images|datasets)\//.test(Key!)).map(({ Key }) => ({
    Key,
  }));
  await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  return Objects.length;
}

it('lets nobody wait for another server’s object store', async () => {
  await using fleet = await prepareFleet(2);
  const [quick, slow] = fleet.members;
  await Promise.all([quick.start(), slow.start()]);
  const [large, small] = await Promise.all([
    makeSample(fleet, 'large', rowsPerLabel),
    makeSample(fleet, 'small', 5),
  ]);
  const { id } = await bring(quick, large);
  slow.links.artifacts.delay(uploadTime);
  let isOver = false;
  const began = performance.now();
  const deleting = slow.client.expect(204, 'DELETE', `/v1/datasets/${id}`).then(() => {
    isOver = true;
  });
  const times: number[] = [];
  while (!isOver) {
    const beside = await bring(quick, small);
    await quick.client.expect(204, 'DELETE', `/v1/datasets/${beside.id}`);
    times.push(beside.took);
  }
  await deleting;
  const slowest = Math.max(...times);
  print(
    `slow store: the slowest of ${times.length} uploads took ${slowest.toFixed()} ms beside a deletion of ` +
      `${(performance.now() - began).toFixed()} ms`,
  );
  // The deletion waits twice for the slow store, and so would everybody whom it kept waiting.
  expect(slowest).toBeLessThan(uploadTime);
  await slow.links.artifacts.restore();
});
