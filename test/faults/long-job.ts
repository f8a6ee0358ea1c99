import { readdir } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { isOver, type Job } from '../../src/jobs/job.ts';
import { Random } from '../../src/random.ts';
import type { Client } from './client.ts';
import type { FleetMember } from './fleet.ts';

/** Milliseconds within which a job comes to where a test waits for it. */
const patience = 240_000;
const labels = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'];
const words = ['red', 'old', 'small', 'happy', 'wet', 'loud', 'quick', 'round', 'cat', 'dog', 'sun', 'sea'];

/** Brings texts that take a while to learn, by their number. @returns the dataset's id */
export async function bringTexts(client: Client, rows: number, seed: number): Promise<string> {
  const random = new Random(seed, 'texts');
  const word = () => words[random.nextInteger(words.length)];
  const lines = Array.from({ length: rows }, (_, row) => {
    const label = labels[row % labels.length];
    return `a ${word()} ${word()} ${random.nextInteger(3) === 0 ? word() : label} ${row},${label}`;
  });
  const body = new FormData();
  body.set('name', 'texts');
  body.set('file', new Blob([`text,label\n${lines.join('\n')}\n`]), 'texts.csv');
  const { id } = await client.expect(201, 'POST', '/v1/datasets', body);
  return id;
}

/** Waits until a job is as it should be. @throws Error with the job where it ends or lasts before */
export async function until(client: Client, id: string, isSo: (job: Job) => boolean): Promise<Job> {
  let job: Job | undefined;
  for (const end = Date.now() + patience; Date.now() < end; await setTimeout(100)) {
    job = (await client.expect(200, 'GET', `/v1/jobs/${id}`)) as Job;
    if (isSo(job)) return job;
    if (isOver(job.state)) break;
  }
  throw new Error(`the job did not get there: ${JSON.stringify(job)}`);
}

export function submit(client: Client, dataset: string, head: string): Promise<Job> {
  return client.expect(202, 'POST', '/v1/jobs', { head, dataset, seed: 1 });
}

/** Names of the checkpoints that a server has of a job. */
export async function checkpointsOf({ data }: FleetMember, id: string): Promise<string[]> {
  const names = await readdir(`${data}/work/${id}/checkpoints`).catch(() => []);
  return names.filter((name) => name.endsWith('.checkpoint') && !name.startsWith('.'));
}

/** The sha256 of a version's parameters. */
export async function weightsOf(client: Client, head: string): Promise<string> {
  const { versions } = await client.expect(200, 'GET', `/v1/heads/${head}`);
  if (versions.length !== 1) throw new Error(`${head} has the versions ${versions}`);
  const tar: Buffer = await client.expect(200, 'GET', `/v1/heads/${head}/versions/1/export`);
  return /"weights":\s*"([0-9a-f]{64})"/.exec(tar.toString('latin1'))![1];
}
