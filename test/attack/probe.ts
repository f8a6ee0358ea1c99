import { performance } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

/** The longest turn of the event loop since the beginning, in milliseconds. */
export interface LongestTurn {
  /** Time that the main thread computed: what others on the machine do does not stretch it. */
  cpu: number;
  wall: number;
}

/** Milliseconds between two looks. */
const interval = 5;

/** Loaded before the server itself, it measures the server's event loop and tells who asks over the process's channel. */
function measure(): void {
  const now = () => {
    const { user, system } = process.threadCpuUsage();
    return { cpu: (user + system) / 1000, wall: performance.now() };
  };
  let longest: LongestTurn = { cpu: 0, wall: 0 };
  let before = now();
  const look = () => {
    const after = now();
    longest = {
      cpu: Math.max(longest.cpu, after.cpu - before.cpu),
      wall: Math.max(longest.wall, after.wall - before.wall),
    };
    before = after;
  };
  setInterval(look, interval).unref();
  process.on('message', (message) => {
    look();
    if (message === 'end') process.send!(longest);
    longest = { cpu: 0, wall: 0 };
  });
  process.channel!.unref();
}

// Its worker threads, and the processes of its jobs, load this file, too.
if (isMainThread && process.send && process.argv.includes('serve')) measure();
