import { expect, it } from 'vitest';
import type { JobEvent } from '../../../../src/jobs/job.ts';
import { Stopping } from '../../../../src/protocols/pipeline/stopping.ts';
import { fetch, job, problemOf, sendForm, serve, services, story } from '../double.ts';

it('says while it drains that it is not ready, and answers everything else, each answer ending its connection', async () => {
  const stopping = new Stopping();
  const { address } = await serve(services(), { stopping });
  expect((await fetch(`${address}/readyz`)).status).toBe(200);
  const before = await fetch(`${address}/v1/heads`);
  expect(before.headers.get('Connection')).toBe('keep-alive');
  stopping.drain();
  for (const path of ['/readyz', '/v2/health/ready'])
    expect(await problemOf(await fetch(address + path))).toMatchObject({
      code: 'not-ready',
      detail: expect.stringContaining('the server stops'),
    });
  expect((await fetch(`${address}/healthz`)).status).toBe(200);
  const answer = await sendForm(`${address}/v1/predict`, { text: 'a' });
  expect([answer.status, answer.headers.get('Connection')]).toEqual([200, 'close']);
});

it('ends streams of events cleanly and at once when it closes, and none while it drains', async () => {
  const stopping = new Stopping();
  let isEnded = false;
  const events = async function* (_id: string, _last: number, signal: AbortSignal): AsyncGenerator<JobEvent> {
    yield story[0];
    await new Promise<void>((aborted) => signal.addEventListener('abort', () => aborted()));
    isEnded = true;
  };
  const double = services({}, { get: async () => job('running'), events });
  const { address, close } = await serve(double, { stopping });
  const response = await fetch(`${address}/v1/jobs/a/events`);
  const text = response.text();
  stopping.drain();
  expect((await fetch(`${address}/healthz`)).status).toBe(200);
  expect(isEnded).toBe(false);
  const began = performance.now();
  stopping.close();
  expect(await text).toContain('"state":"queued"');
  await close();
  expect(performance.now() - began).toBeLessThan(10_000);
});
