import { pipeline } from 'node:stream/promises';
import { createEventBuffer } from 'better-sse';
import type { Response } from 'express';
import type { JobEvent } from '../../../jobs/job.ts';

/** A comment is sent after this much silence or less, so that no proxy takes the connection for dead. Milliseconds. */
const heartbeat = 15_000;

/**
 * Sends server-sent events until they end or the reader leaves. Nothing piles up for a reader who is slow: the next
 * event is asked for when the last one is on its way. better-sse's own session would write on, and its heartbeat
 * after the end of a response that is not read yet ends the process (0.16.1).
 * @throws whatever the events throw
 * @example await sendEvents(response, jobs.events(id, 0, signal));
 */
export async function sendEvents(response: Response, events: Events): Promise<void> {
  if (response.closed) return;
  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache, no-transform',
    // nginx would hold the events back.
    'X-Accel-Buffering': 'no',
  });
  response.flushHeaders();
  const beat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(createEventBuffer().comment().dispatch().read());
  }, heartbeat);
  const stop = () => clearInterval(beat);
  response.once('close', stop);
  try {
    await pipeline(frames(events, stop), response);
  } catch (error) {
    const readerLeft =
      error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
    if (!readerLeft) throw error;
  }
}

type Events = AsyncIterable<JobEvent> | Iterable<JobEvent>;

async function* frames(events: Events, stop: () => void): AsyncGenerator<string> {
  try {
    for await (const { id, type, job } of events)
      yield createEventBuffer().push(job, type, String(id)).read();
  } finally {
    // The response ends next, and a beat after its end would be an error that nobody catches.
    stop();
  }
}
