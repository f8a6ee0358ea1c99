import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writePricedSet } from '../../../scripts/priced-set.ts';
import { encodeFolder, splitEncoded } from './encoded.ts';
import type { QualitySet } from './quality-set.ts';

const rows = 600;

/** Offers whose price, and where it is missing whose brand, decides: what image and text say is noise. */
export const priced: QualitySet = {
  name: 'priced',
  about: 'the image, the text, the price and the brand of an offer, by what the price decides',
  async load() {
    const folder = await mkdtemp(path.join(tmpdir(), 'bench-priced-'));
    try {
      await writePricedSet(folder, { rows, seed: 1 });
      return splitEncoded(await encodeFolder(folder, { tableColumns: ['price', 'brand'] }));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
