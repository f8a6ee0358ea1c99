/**
 * The process that downloads a model of the hub, makes an encoder of it and proves it: that takes memory and all threads of a
 * server that goes on answering. It is of lower priority, so that predictions go first.
 */
import { constants, setPriority } from 'node:os';
import { failureOf } from '../../failure.ts';
import { storageError } from '../../store/storage-error.ts';
import { addFromHub } from './add-from-hub.ts';
import type { AdditionMessage, AdditionOrder } from './addition-task.ts';

/** Milliseconds between two messages of progress. */
const progressInterval = 250;

process.once('message', (order: AdditionOrder) => {
  run(order)
    .catch((error): AdditionMessage => ({ kind: 'failed', failure: failureOf(storageError(error) ?? error) }))
    .then((last) => send(last, () => process.exit(0)));
});
// Nobody waits any more. What is half downloaded stays, and what is half made is removed as leftovers are.
process.on('disconnect', () => process.exit(1));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
setPriority(constants.priority.PRIORITY_BELOW_NORMAL);

async function run({ hub, model, places, options }: AdditionOrder): Promise<AdditionMessage> {
  let told = 0;
  const encoder = await addFromHub(hub, model, places, {
    ...options,
    onProgress(progress) {
      if (progress.done < progress.total && Date.now() - told < progressInterval) return;
      told = Date.now();
      send({ kind: 'progress', progress });
    },
  });
  return { kind: 'added', encoder };
}

function send(message: AdditionMessage, sent = () => {}): void {
  if (process.connected) process.send?.(message, sent);
  else sent();
}
