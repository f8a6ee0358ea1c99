import { expect, it, vi } from 'vitest';
import type { JobEvent } from '../../../src/jobs/job.ts';
import { connect, fetch, job, serve, services, story } from './double.ts';

function asText(events: JobEvent[]): string {
  return events
    .map(({ id, type, job }) => `event:${type}\nid:${id}\ndata:${JSON.stringify(job)}\n\n`)
    .join('');
}

it('tells a job’s changes as server-sent events and ends with the job', async () => {
  const { address } = await serve(services({}, { get: async () => job('running') }));
  const response = await fetch(`${address}/v1/jobs/a/events`);
  expect(response.headers.get('Content-Type')).toBe('text/event-stream');
  expect(response.headers.get('Cache-Control')).toContain('no-cache');
  expect(await response.text()).toBe(asText(story));
});

it('tells a job that has ended from the start', async () => {
  const { address } = await serve(services());
  expect(await (await fetch(`${address}/v1/jobs/a/events`)).text()).toBe(asText(story));
});

it('goes on after the last event that a reader has seen', async () => {
  const { address } = await serve(services());
  const headers = { 'Last-Event-ID': '2' };
  const response = await fetch(`${address}/v1/jobs/a/events`, { headers });
  expect(await response.text()).toBe(asText(story.slice(2)));
});

it('tells a reader who has seen the end not to ask again', async () => {
  const { address } = await serve(services());
  const response = await fetch(`${address}/v1/jobs/a/events`, { headers: { 'Last-Event-ID': '6' } });
  expect(response.status).toBe(204);
});

it.each(['', 'x', '-1', '1e1', '2.5'])('starts over where the last event is %j', async (lastEventId) => {
  const { address } = await serve(services());
  const headers = { 'Last-Event-ID': lastEventId };
  expect(await (await fetch(`${address}/v1/jobs/a/events`, { headers })).text()).toBe(asText(story));
});

it('sends headers and each event at once, and lets go of the job when the reader leaves', async () => {
  const { promise: abandoned, resolve } = Promise.withResolvers<void>();
  const events = async function* (_id: string, _last: number, signal: AbortSignal) {
    yield story[0];
    await new Promise<void>((left) => signal.addEventListener('abort', () => left()));
    resolve();
  };
  const { address, logged } = await serve(services({}, { get: async () => job('running'), events }));
  const reader = new AbortController();
  const response = await fetch(`${address}/v1/jobs/a/events`, { signal: reader.signal });
  const { value } = await response.body!.getReader().read();
  expect(Buffer.from(value!).toString()).toBe(asText([story[0]]));
  reader.abort();
  await abandoned;
  await expect.poll(logged).toContain('"status":499');
  expect(logged()).not.toContain('unexpected error');
});

it('keeps a silent connection alive with comments until the reader leaves, even where the events go on', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  try {
    const events = async function* () {
      yield* [] as JobEvent[];
      await new Promise(() => {});
    };
    const { address } = await serve(services({}, { get: async () => job('running'), events }));
    const reader = new AbortController();
    const response = await fetch(`${address}/v1/jobs/a/events`, { signal: reader.signal });
    vi.advanceTimersByTime(15_000);
    const { value } = await response.body!.getReader().read();
    expect(Buffer.from(value!).toString()).toMatch(/^:\n\n$/);
    reader.abort();
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(0), 60_000);
  } finally {
    vi.useRealTimers();
  }
});

it('asks for no more events while the reader does not read, and survives heartbeats meanwhile', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  try {
    let told = 0;
    const events = async function* () {
      for (const id of Array(5000).keys()) {
        told = id + 1;
        yield {
          id: told,
          type: 'progress' as const,
          job: { ...job('running'), dataset: 'x'.repeat(10_000) },
        };
      }
    };
    const { address } = await serve(services({}, { get: async () => job('running'), events }));
    const socket = connect(address).pause();
    socket.write('GET /v1/jobs/a/events HTTP/1.1\r\nHost: x\r\n\r\n');
    await vi.waitFor(() => expect(told).toBeGreaterThan(0), 60_000);
    let before: number;
    do {
      before = told;
      await new Promise((resolve) => setTimeout(resolve, 500));
    } while (told > before);
    expect(told).toBeLessThan(5000);
    vi.advanceTimersByTime(60_000);
    socket.destroy();
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(0), 60_000);
    expect((await fetch(`${address}/healthz`)).status).toBe(200);
  } finally {
    vi.useRealTimers();
  }
});

it('cuts the stream and logs why where the events fail midway', async () => {
  // biome-ignore lint/correctness/useYield: it fails before there is a second event
  const events = async function* (): AsyncGenerator<JobEvent> {
    throw new Error('the store is gone');
  };
  const { address, logged } = await serve(services({}, { get: async () => job('running'), events }));
  await expect(fetch(`${address}/v1/jobs/a/events`).then((response) => response.text())).rejects.toThrow();
  await expect.poll(logged).toContain('the store is gone');
});
