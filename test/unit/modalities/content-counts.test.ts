import { expect, it } from 'vitest';
import { countContent, readEarlierCounts } from '../../../src/modalities/content-counts.ts';

it('counts the examples that have a modality, and its different files', () => {
  const image = { path: '/a.png', sha256: 'a'.repeat(64) };
  expect(countContent([{ image }, { image, text: 'a cat' }, {}])).toEqual({
    image: { examples: 2, files: 1 },
    text: { examples: 1 },
  });
});

it('leaves out a modality that no example has', () => {
  expect(countContent([{ text: 'a cat' }])).toEqual({ text: { examples: 1 } });
});

it('reads the counts of earlier releases, and leaves those of this one as they are', () => {
  expect(readEarlierCounts({ examples: 3, images: 3, texts: 0, distinctImages: 2 })).toEqual({
    examples: 3,
    content: { image: { examples: 3, files: 2 } },
  });
  const counts = { examples: 1, content: { text: { examples: 1 } } };
  expect(readEarlierCounts(counts)).toBe(counts);
});
