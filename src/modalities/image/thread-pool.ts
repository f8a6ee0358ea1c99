import { availableParallelism } from 'node:os';

// Decoding runs in libuv's pool, which has 4 threads by default, whatever the machine has, and starts with the first
// file that is read: this must be said before.
process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, availableParallelism()));

/** Images that are decoded at a time: one thread of libuv's pool stays for files and names. */
export const decodesAtOnce = Math.max(1, (Number.parseInt(process.env.UV_THREADPOOL_SIZE, 10) || 1) - 1);
