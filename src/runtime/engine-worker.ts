/** The thread of an engine. */
import { parentPort, workerData } from 'node:worker_threads';
import { serveSessions } from './engine-sessions.ts';

const port = parentPort!;
port.on(
  'message',
  serveSessions(workerData, {
    respond: (response, transfer) => port.postMessage(response, transfer),
    close: () => port.close(),
    ownsBuffers: true,
  }),
);
