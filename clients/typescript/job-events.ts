import { type EventSourceMessage, EventSourceParserStream } from 'eventsource-parser/stream';
import type { Client } from 'openapi-fetch';
import type { components, paths } from './api.d.ts';
import { ApiError } from './api-error.ts';

type Job = components['schemas']['Job'];

/** A change of a job: of its state, or of its progress. */
export interface JobEvent {
  /** Number of the event within the job. */
  id: string;
  type: 'state' | 'progress';
  /** The job after the change. */
  job: Job;
}

export interface JobEventsOptions {
  /** Number of the last event that was seen; from the first one unless set. */
  after?: string;
  signal?: AbortSignal;
}

/** Milliseconds before the events are requested again. */
const pause = 1000;
/** Failures in a row after which the last one is thrown. */
const mostFailures = 30;

/**
 * The events of a job, until it is over. Where the connection breaks or the server restarts, it resumes after the last
 * event that was seen.
 * @throws ApiError where the server refuses (an unknown job, no key); what fetch throws where the server stays away
 * for half a minute, or the signal is aborted
 * @example
 * for await (const { job } of jobEvents(tandem, id)) console.log(job.state, job.progress);
 */
export async function* jobEvents(
  tandem: Client<paths>,
  id: string,
  { after, signal }: JobEventsOptions = {},
): AsyncGenerator<JobEvent, void, undefined> {
  let last = after;
  for (let failures = 0; ; ) {
    let status = 0;
    try {
      const { data, error, response } = await tandem.GET('/v1/jobs/{id}/events', {
        params: { path: { id }, header: last === undefined ? {} : { 'Last-Event-ID': last } },
        parseAs: 'stream',
        ...(signal && { signal }),
      });
      status = response.status;
      if (error) throw new ApiError(error);
      // The job is over, and its last event was seen.
      if (!data) return;
      for await (const event of read(data)) {
        failures = 0;
        last = event.id;
        yield event;
        if (event.job.finishedAt !== undefined) return;
      }
    } catch (error) {
      const isRefused = error instanceof ApiError && status < 500;
      if (isRefused || signal?.aborted || ++failures > mostFailures) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    signal?.throwIfAborted();
  }
}

async function* read(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<JobEvent> {
  const reader = body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield eventOf(next.value);
  } finally {
    // One who stops listening closes the connection; a broken one is closed already.
    await reader.cancel().catch(() => {});
  }
}

function eventOf({ id = '', event, data }: EventSourceMessage): JobEvent {
  return { id, type: event === 'state' ? 'state' : 'progress', job: JSON.parse(data) as Job };
}
