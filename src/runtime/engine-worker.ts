/** The thread of an engine. */

import { parentPort, workerData } from 'node:worker_threads';
import { required } from '../indexing.ts';
import { serveSessions } from './engine-sessions.ts';

const port = required(parentPort, 'the port to the parent thread');
port.on(
  'message',
  serveSessions(workerData, {
    respond: (response, transfer) => port.postMessage(response, transfer),
    close: () => port.close(),
    ownsBuffers: true,
  }),
);
