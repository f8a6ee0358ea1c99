// Before sharp: it starts libuv's pool.
import './thread-pool.ts';
import sharp from 'sharp';

export { sharp };

/**
 * libvips reads some twenty formats, SVG and PDF among them. Only these may reach it here: every other
 * loader is one more parser of hostile bytes. The block holds for the whole process, its worker threads included.
 */
sharp.block({ operation: ['VipsForeignLoad'] });
// Images come many at a time: a thread for each does more than all threads for each, one after the other.
sharp.concurrency(1);
// libvips would remember decoders, and their memory, which it does not count: 150 MB for each large progressive JPEG.
sharp.cache(false);
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
