import { availableParallelism } from 'node:os';

// As many pictures are decoded at a time as libuv's pool has threads: 4 unless said, whatever the machine has. The
// pool starts when sharp is loaded, so this comes before, and nothing else loads sharp.
process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, availableParallelism()));
export const { default: sharp } = await import('sharp');

/**
 * libvips reads some twenty formats, SVG and GIF among them. Only these three may reach it here: every other
 * loader is one more parser of hostile bytes. The block holds for the whole process, its worker threads included.
 */
sharp.block({ operation: ['VipsForeignLoad'] });
// Pictures come many at a time: a thread for each does more than all threads for each, one after the other.
sharp.concurrency(1);
sharp.unblock({ operation: ['VipsForeignLoadJpeg', 'VipsForeignLoadPng', 'VipsForeignLoadWebp'] });
