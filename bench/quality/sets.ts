import { splitRows } from '../../src/datasets/split/split-rows.ts';
import { countries } from './sets/countries.ts';
import { emojiSets } from './sets/emoji.ts';
import { encodeFolder } from './sets/encoded.ts';
import { foods } from './sets/foods.ts';
import { icons } from './sets/icons.ts';
import { priced } from './sets/priced.ts';
import type { QualitySet } from './sets/quality-set.ts';
import { stampSets } from './sets/stamps.ts';
import { syntheticSets } from './sets/synthetic.ts';

/** The benchmark's own datasets. */
export const qualitySets: QualitySet[] = [
  ...emojiSets,
  countries,
  icons,
  foods,
  ...stampSets,
  priced,
  ...syntheticSets,
];

/** A dataset of the user's. */
export function setOfFolder(folder: string): QualitySet {
  return {
    name: folder,
    about: 'your own',
    async load() {
      const { dataset, table, texts } = await encodeFolder(folder);
      return {
        table,
        texts,
        classes: dataset.labels.length,
        split: (seed) => splitRows(dataset, { seed, testShare: 0.2 }),
      };
    },
  };
}
