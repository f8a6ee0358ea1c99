import { rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'vitest';
import { isOver, type Job } from '../../src/jobs/job.ts';
import type { Random } from '../../src/random.ts';
import { form } from '../e2e/server.ts';
import type { Client } from './client.ts';
import type { Findings, Ledger } from './ledger.ts';
import { writeSample } from './sample.ts';

interface KnownJob {
  /** Once it is known. */
  id?: string;
  state: 'submitting' | 'accepted';
  /** Something that it needs was broken, and so it may fail. */
  mayFail: boolean;
  /** Whether it was asked to stop; the answer may be lost. */
  isCancelled: boolean;
  /** What it was when it was seen to be over: it stays so. */
  end?: Job;
  isProven: boolean;
}

/** Milliseconds within which all jobs end. */
const patience = 300_000;
const pollingInterval = 40;

/** Jobs, each of which makes a head of its own name: so a second version would be seen. */
export class JobLedger implements Ledger {
  readonly #known = new Map<string, KnownJob>();
  readonly #random: Random;
  readonly #folder: string;
  #count = 0;
  #isOutage = false;

  /** @param folder for what is uploaded */
  constructor(random: Random, folder: string) {
    this.#random = random;
    this.#folder = folder;
  }

  /** The heads that there may be. */
  get heads(): string[] {
    return [...this.#known.keys()];
  }

  /** The id of a job that is not over, as far as is known. */
  get unfinished(): string | undefined {
    return [...this.#known.values()].find(({ id, end, isCancelled }) => id && !end && !isCancelled)?.id;
  }

  /** Submits a job with an upload, and cancels it. */
  async submitAndCancel(client: Client): Promise<void> {
    const file = path.join(this.#folder, 'job.zip');
    await writeSample(file, this.#random);
    const [head, job] = this.#add();
    const upload = await form({ head }, { file });
    await rm(file);
    await this.#accept(job, await client.expect(202, 'POST', '/v1/jobs', upload));
    job.isCancelled = true;
    await client.expect(200, 'DELETE', `/v1/jobs/${job.id}`);
  }

  /** Submits a job for a dataset. */
  async submit(client: Client, dataset: string): Promise<string> {
    const [head, job] = this.#add();
    return this.#accept(job, await client.expect(202, 'POST', '/v1/jobs', { head, dataset }));
  }

  /**
   * Waits until a job is over; where it failed as it was allowed to, tries it again.
   * @returns why it failed
   */
  async retry(client: Client, id: string): Promise<Job['error']> {
    const job = this.#find(id);
    const { state, error } = await this.until(client, id, ({ state }) => isOver(state));
    if (state === 'failed') {
      await client.expect(202, 'POST', `/v1/jobs/${id}/retry`);
      job.end = undefined;
      job.isProven = false;
    }
    job.mayFail = false;
    return error;
  }

  /** The job that runs now: of those that have not ended, another may. */
  async running(client: Client): Promise<string | undefined> {
    const { jobs }: { jobs: Job[] } = await client.expect(200, 'GET', '/v1/jobs?limit=200');
    return jobs.find(({ state }) => state === 'running')?.id;
  }

  /** Allows a job to fail, before something is broken that it needs. */
  expectFailure(id: string): void {
    this.#find(id).mayFail = true;
  }

  /** From here on jobs may fail, because the store is away. */
  beginOutage(): void {
    this.#isOutage = true;
    for (const job of this.#known.values()) job.mayFail = !job.end;
  }

  /**
   * Waits until all jobs are over, and tries those again that failed because the store was away.
   * @returns why they failed
   */
  async endOutage(client: Client): Promise<string[]> {
    this.#isOutage = false;
    await this.settle(client);
    const failures = [...this.#known.values()].flatMap((job) => (job.id && job.mayFail ? [job.id] : []));
    const errors = await Promise.all(failures.map((id) => this.retry(client, id)));
    return errors.flatMap((error) => {
      if (!error) return [];
      expect(error.code, error.detail).toBe('storage-unavailable');
      return [error.detail];
    });
  }

  async until(client: Client, id: string, isSo: (job: Job) => boolean): Promise<Job> {
    const since = Date.now();
    let job: Job | undefined;
    while (Date.now() - since < patience) {
      job = (await client.expect(200, 'GET', `/v1/jobs/${id}`)) as Job;
      if (isOver(job.state)) this.#find(id).end = job;
      if (isSo(job)) return job;
      await setTimeout(pollingInterval);
    }
    throw new Error(`the job did not get there: ${JSON.stringify(job)}`);
  }

  async check(client: Client, found: Findings): Promise<void> {
    const { jobs }: { jobs: Job[] } = await client.expect(200, 'GET', '/v1/jobs?limit=200');
    const listed = new Map(jobs.map((job) => [job.head!, job]));
    expect(listed.size, 'no job is listed twice').toBe(jobs.length);
    for (const [head, job] of this.#known) {
      const there = listed.get(head);
      listed.delete(head);
      if (job.state === 'submitting') found.settled('jobs', there !== undefined);
      else expect(there?.id, `the job for ${head} is there`).toBe(job.id);
      if (there) {
        Object.assign(job, { id: there.id, state: 'accepted' });
        await this.#judge(client, job, there);
        found.checked('jobs');
      } else this.#known.delete(head);
    }
    expect([...listed.keys()], 'jobs that nobody submitted').toEqual([]);
  }

  /** Waits until every job has ended. */
  async settle(client: Client): Promise<void> {
    for (const { id, end } of this.#known.values())
      if (id && !end) await this.until(client, id, ({ state }) => isOver(state));
  }

  /** How many have ended in which way. */
  ends(): Map<string, number> {
    const states = [...this.#known.values()].map(({ end }) => end?.state ?? 'unknown');
    return new Map([...Map.groupBy(states, (state) => state)].map(([state, all]) => [state, all.length]));
  }

  #find(id: string): KnownJob {
    return [...this.#known.values()].find((job) => job.id === id)!;
  }

  #add(): [head: string, job: KnownJob] {
    const head = `job-${this.#count++}`;
    const job: KnownJob = {
      state: 'submitting',
      mayFail: this.#isOutage,
      isCancelled: false,
      isProven: false,
    };
    this.#known.set(head, job);
    return [head, job];
  }

  async #accept(job: KnownJob, { id }: Job): Promise<string> {
    Object.assign(job, { id, state: 'accepted' });
    return id;
  }

  async #judge(client: Client, known: KnownJob, job: Job): Promise<void> {
    if (!isOver(job.state)) {
      expect(known.end, `${job.head} was over`).toBeUndefined();
      return;
    }
    if (known.end) expect(job).toEqual(known.end);
    if (known.isProven) return;
    known.end = job;
    known.isProven = true;
    const { status, body } = await client.send('GET', `/v1/heads/${job.head}`);
    if (job.state === 'succeeded') {
      expect(body.versions, `${job.head} has one version`).toEqual([1]);
      expect(job.result?.version).toBe(1);
      const answer = await client.expect(
        200,
        'POST',
        '/v1/predict',
        await form({ head: job.head!, text: 'a cat' }),
      );
      expect(answer.head).toEqual({ name: job.head, version: 1 });
      return;
    }
    expect(status, `${job.head} was ${job.state}, and has no version`).toBe(404);
    if (job.state === 'cancelled') expect(known.isCancelled, `${job.head} was asked to stop`).toBe(true);
    else expect(known.mayFail, `${job.head}: ${JSON.stringify(job.error)}`).toBe(true);
  }
}
