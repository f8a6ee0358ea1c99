import path from 'node:path';
import { DeleteObjectsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { expect, it } from 'vitest';
import { print } from '../../src/commands/output.ts';
import { Random } from '../../src/training/random.ts';
import { form } from '../end-to-end/server.ts';
import { type Fleet, type FleetMember, prepareFleet } from './fleet.ts';
import { isShort, seed } from './options.ts';
import { clockAhead } from './restarted-server.ts';
import { type SampleRow, writeSample } from './sample.ts';

const day = 24 * 3_600_000;
/** Examples of each of two labels, each with an image of its own. */
const rowsPerLabel = isShort ? 20 : 80;
/** Milliseconds that everything takes on its way to a slow object store, each way. */
const slowness = 250;

interface Sample {
  file: string;
  name: string;
  rows: SampleRow[];
}

async function makeSample(fleet: Fleet, name: string): Promise<Sample> {
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
  const samples = await Promise.all(['a', 'b', 'c', 'd'].map((name) => makeSample(fleet, name)));
  const first = await bring(bringing, samples[0]);
  // By its clock everything is two days old: what is there, and what comes in.
  cleaning.links.artifacts.delay(slowness);
  const started = cleaning.startIn({ NODE_OPTIONS: clockAhead(2 * day) });
  const kept = new Map([[first.id, samples[0]]]);
  for (const until = performance.now() + (isShort ? 12_000 : 25_000); performance.now() < until; )
    for (const sample of samples.slice(1)) {
      const { id } = await bring(bringing, sample, kept.has(idOf(kept, sample)) ? 200 : 201);
      kept.set(id, sample);
      // What comes again has images that are just being removed.
      await bringing.client.expect(204, 'DELETE', `/v1/datasets/${id}`);
      const again = await bring(bringing, sample);
      expect(again.id).toBe(id);
    }
  await started;
  for (const [id, sample] of kept) await expectWhole(reading, id, sample);
});

function idOf(kept: ReadonlyMap<string, Sample>, sample: Sample): string {
  return [...kept].find(([, one]) => one === sample)?.[0] ?? '';
}

it('repairs a dataset whose files are gone when it is imported again', async () => {
  await using fleet = await prepareFleet(2);
  const [bringing, reading] = fleet.members;
  await Promise.all([bringing.start(), reading.start()]);
  const sample = await makeSample(fleet, 'lost');
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
  const Objects = Contents.filter(({ Key }) => /^(pictures|datasets)\//.test(Key!)).map(({ Key }) => ({
    Key,
  }));
  await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  return Objects.length;
}

it('lets nobody wait for another server’s object store', async () => {
  await using fleet = await prepareFleet(2);
  const [quick, slow] = fleet.members;
  await Promise.all([quick.start(), slow.start()]);
  const samples = await Promise.all(['one', 'two', 'three'].map((name) => makeSample(fleet, name)));
  const alone = await bring(quick, samples[0]);
  const { id } = await bring(quick, samples[1]);
  slow.links.artifacts.delay(10 * slowness);
  const began = performance.now();
  const deleting = slow.client.expect(204, 'DELETE', `/v1/datasets/${id}`);
  const beside = await bring(quick, samples[2]);
  await quick.client.expect(204, 'DELETE', `/v1/datasets/${beside.id}`);
  const both = performance.now() - began;
  await deleting;
  print(
    `slow store: an upload took ${alone.took.toFixed()} ms alone and ${beside.took.toFixed()} ms beside a deletion that ` +
      `took ${(performance.now() - began).toFixed()} ms`,
  );
  // The deletion alone waits for two answers of the slow store.
  expect(both).toBeLessThan(4 * slowness * 10);
  await slow.links.artifacts.restore();
});
