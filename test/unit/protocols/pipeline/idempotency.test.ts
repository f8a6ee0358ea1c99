import { readdir } from 'node:fs/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { TandemError } from '../../../../src/errors.ts';
import type { Job } from '../../../../src/jobs/job.ts';
import { IdempotentRequests } from '../../../../src/store/idempotent-requests.ts';
import { temporaryFolder } from '../../datasets/sample.ts';
import { openQueue } from '../../jobs/open-queue.ts';
import { temporaryStore } from '../../store/test-store.ts';
import { fetch, job, problemOf, serve, services } from '../double.ts';

const asked = { head: 'pets', dataset: 'pets' };

async function open(submit: () => Promise<ReturnType<typeof job>>) {
  const data = await temporaryFolder();
  // Two servers of one database, each with a connection of its own.
  const servers = [1, 2].map(async () => {
    const { database } = await temporaryStore(data);
    return serve(services({}, { submit }), { idempotency: new IdempotentRequests(database) });
  });
  const [first, second] = await Promise.all(servers);
  const start = (server: typeof first, key: string, body: object | FormData = asked, secret?: string) =>
    fetch(`${server?.address}/v1/jobs`, {
      method: 'POST',
      body: body instanceof FormData ? body : JSON.stringify(body),
      headers: {
        'Idempotency-Key': key,
        ...(!(body instanceof FormData) && { 'Content-Type': 'application/json' }),
        ...(secret && { Authorization: `Bearer ${secret}` }),
      },
    });
  return { first, second, start };
}

/** Each submission gets a job of its own. */
function numbered() {
  let count = 0;
  return vi.fn(async () => job('queued', String(++count)));
}

it('answers a request that is sent again as before, whichever server it comes to, and does the work once', async () => {
  const submit = numbered();
  const { first, second, start } = await open(submit);
  const answers = [await start(first, 'a'), await start(first, 'a'), await start(second, 'a')];
  for (const answer of answers) {
    expect(answer.status).toBe(202);
    expect(answer.headers.get('Location')).toBe('/v1/jobs/1');
    expect(await answer.json()).toEqual(job('queued', '1'));
  }
  expect(answers.map(({ headers }) => headers.get('Idempotency-Replayed'))).toEqual([null, 'true', 'true']);
  expect(submit).toHaveBeenCalledTimes(1);
  expect(await (await start(second, 'b')).json()).toEqual(job('queued', '2'));
  expect(await (await start(second, 'a', asked, 'another')).json()).toEqual(job('queued', '3'));
});

it('refuses a key that comes with another request', async () => {
  const { first, second, start } = await open(numbered());
  await start(first, 'a');
  const problem = await problemOf(await start(second, 'a', { ...asked, seed: 7 }));
  expect(problem).toMatchObject({ status: 422, code: 'idempotency-mismatch' });
});

it('knows an upload by its content and not by the form’s boundary, and keeps no second copy', async () => {
  const { first, start } = await open(numbered());
  const form = (content: string) => {
    const body = new FormData();
    body.set('head', 'pets');
    body.set('file', new Blob([content]), 'a.zip');
    return body;
  };
  expect((await start(first, 'a', form('one'))).status).toBe(202);
  const kept = await readdir(first?.uploads ?? '');
  expect((await start(first, 'a', form('one'))).headers.get('Idempotency-Replayed')).toBe('true');
  expect((await start(first, 'a', form('two'))).status).toBe(422);
  expect(await readdir(first?.uploads ?? '')).toEqual(kept);
});

it('asks to come again while the work goes on, and works anew after a failure', async () => {
  const { promise, reject } = Promise.withResolvers<ReturnType<typeof job>>();
  const submit = vi.fn(numbered()).mockReturnValueOnce(promise);
  const { first, second, start } = await open(submit);
  const slow = start(first, 'a');
  await expect.poll(() => submit).toHaveBeenCalled();
  const early = await start(second, 'a');
  expect(early.headers.get('Retry-After')).toBe('1');
  expect(await problemOf(early)).toMatchObject({ status: 409, code: 'idempotency-in-progress' });
  reject(new TandemError('overloaded', 'full', { retryAfter: 60 }));
  expect((await slow).status).toBe(503);
  await expect.poll(async () => (await start(second, 'a')).status).toBe(202);
});

it('names a bad key', async () => {
  const { first, start } = await open(numbered());
  const problem = await problemOf(await start(first, 'a b'));
  expect(problem.errors).toEqual([{ at: 'Idempotency-Key', detail: expect.stringContaining('ASCII') }]);
});

it('starts no second job where the first server was killed before it answered', async () => {
  const store = await temporaryStore();
  const queue = await openQueue(store, { atOnce: 0 });
  onTestFinished(() => queue.close());
  const form = () => {
    const body = new FormData();
    body.set('head', 'pets');
    body.set('file', new Blob(['text,label\na,x\n']), 'pets.csv');
    return body;
  };
  let now = Date.now();
  const requests = new IdempotentRequests(store.database, () => now);
  const submitted = Promise.withResolvers<Job>();
  const killed = await serve(
    services(
      {},
      {
        submit: async (...request) => {
          submitted.resolve(await queue.submit(...request));
          return new Promise(() => {});
        },
      },
    ),
    { idempotency: requests },
  );
  const next = await serve(services({}, { submit: (...request) => queue.submit(...request) }), {
    idempotency: requests,
  });
  const start = (address: string, signal?: AbortSignal) =>
    fetch(`${address}/v1/jobs`, {
      method: 'POST',
      body: form(),
      headers: { 'Idempotency-Key': 'a' },
      signal,
    });
  const caller = new AbortController();
  const unanswered = start(killed.address, caller.signal).catch(() => {});
  const { id } = await submitted.promise;
  caller.abort();
  await unanswered;
  now += 61_000;
  expect(await (await start(next.address)).json()).toMatchObject({ id, state: 'queued' });
  expect(await queue.list({ offset: 0, limit: 10 })).toMatchObject({ total: 1 });
});
