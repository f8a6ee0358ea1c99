import { availableParallelism } from 'node:os';

// Decoding runs in libuv's pool, which has 4 threads by default, whatever the machine has. The
// pool starts when sharp is loaded, so this comes before, and nothing else loads sharp.
process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, availableParallelism()));
export const { default: sharp } = await import('sharp');

/** Images that are decoded at a time: one thread of libuv's pool stays for files and names. */
export const decodesAtOnce = Math.max(1, (Number.parseInt(process.env.UV_THREADPOOL_SIZE, 10) || 1) - 1);

/**
 * libvips reads some twenty formats, SVG and GIF among them. Only these three may reach it here: every other
 * loader is one more parser of hostile bytes. The block holds for the whole process, its worker threads included.
 */
sharp.block({ operation: ['VipsForeignLoad'] });
// Pictures come many at a time: a thread for each does more than all threads for each, one after the other.
sharp.concurrency(1);
// libvips would remember decoders, and their memory, which it does not count: 150 MB for each large progressive JPEG.
sharp.cache(false);
sharp.unblock({ operation: ['VipsForeignLoadJpeg', 'VipsForeignLoadPng', 'VipsForeignLoadWebp'] });
