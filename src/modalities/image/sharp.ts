import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
// Before sharp: it starts libuv's pool.
import './thread-pool.ts';
import sharp from 'sharp';

export { sharp };

/** Set where a thread that this one was started from, or this one, has blocked the loaders. */
const blocked = 'tandem.image-loaders-blocked';

/**
 * libvips reads some twenty formats, SVG and PDF among them. Only these may reach it here: every other
 * loader is one more parser of hostile bytes. The block holds for the whole process, its worker threads included: one that
 * set it again would refuse for a moment what others decode.
 */
if (getEnvironmentData(blocked) !== true) {
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({
    operation: [
      'VipsForeignLoadJpeg',
      'VipsForeignLoadPng',
      'VipsForeignLoadWebp',
      'VipsForeignLoadTiff',
      'VipsForeignLoadNsgif',
      'VipsForeignLoadHeif',
    ],
  });
  setEnvironmentData(blocked, true);
}
// Images come many at a time: a thread for each does more than all threads for each, one after the other.
sharp.concurrency(1);
// libvips would remember decoders, and their memory, which it does not count: 150 MB for each large progressive JPEG.
sharp.cache(false);
