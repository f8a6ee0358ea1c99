import path from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { groupTwins } from '../../../../src/datasets/split/duplicates.ts';
import { NearHashes } from '../../../../src/datasets/split/near-hashes.ts';
import { type Splittable, splitExamples } from '../../../../src/datasets/split/split.ts';
import { perceptualHash } from '../../../../src/modalities/image/perceptual-hash.ts';

const fixture = (name: string) =>
  path.join(fileURLToPath(new URL('../../../fixtures/encoders/', import.meta.url)), name);
const photographs = ['coffee.jpg', 'cat.jpg', 'astronaut.jpg', 'rocket.jpg'];

const anyHash = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));

describe('twins', () => {
  it('are photographs that were scaled, compressed again, lightened or turned to grey, and no others', async () => {
    const changes: ((photograph: Sharp) => Sharp)[] = [
      (photograph) => photograph.png(),
      (photograph) => photograph.resize(150).png(),
      (photograph) => photograph.jpeg({ quality: 40 }),
      (photograph) => photograph.webp({ quality: 60 }),
      (photograph) => photograph.modulate({ brightness: 1.1 }).png(),
      (photograph) => photograph.greyscale().png(),
    ];
    const examples = await Promise.all(
      photographs.flatMap((name) =>
        changes.map(async (change, index) => ({
          content: {
            image: {
              path: '',
              sha256: `${name} ${index}`,
              perceptualHash: await perceptualHash(sharp(await change(sharp(fixture(name))).toBuffer())),
            },
          },
        })),
      ),
    );
    expect(groupTwins(examples)).toEqual(photographs.flatMap((_, index) => changes.map(() => index)));
  });

  it('have the same text but for case and spaces, or the same image, by one example or through another', () => {
    const image = { path: '/a', sha256: 'x' };
    const examples = [
      { content: { text: 'A cat' } },
      { content: { text: 'a  CAT\n', image } },
      { content: { text: 'other', image } },
      { content: { text: 'a dog' } },
    ];
    expect(groupTwins(examples)).toEqual([0, 0, 0, 1]);
  });

  it('are not made by a placeholder image or a stock phrase that many examples have', () => {
    const many = Array.from({ length: 30 }, (_, index) => ({
      content: { text: `text ${index % 29}`, image: { path: '', sha256: 'no image' } },
    }));
    expect(new Set(groupTwins(many)).size).toBe(29);
    const plain = many.map((_, index) => ({
      content: { image: { path: '', sha256: `${index}`, perceptualHash: '0'.repeat(64) } },
    }));
    expect(new Set(groupTwins(plain)).size).toBe(30);
  });

  it('are told apart where nothing is known of an image', () => {
    const contents = [{}, { text: '' }, { image: { path: '/a' } }, { image: { path: '/b' } }];
    expect(groupTwins(contents.map((content) => ({ content })))).toEqual([0, 1, 2, 3]);
  });
});

describe('hashes that differ in few bits', () => {
  it('are all found, and no others', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(anyHash, { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat(255), { maxLength: 14 }),
        (hashes, flips) => {
          const flipped = Buffer.from(hashes[0], 'hex');
          for (const bit of new Set(flips)) flipped[bit >> 3] ^= 1 << (bit & 7);
          const all = [...new Set([...hashes, flipped.toString('hex')])];
          const distance = (a: string, b: string) => {
            const differing = BigInt(`0x${a}`) ^ BigInt(`0x${b}`);
            return [...differing.toString(2)].filter((bit) => bit === '1').length;
          };
          const expected = all.flatMap((a, i) =>
            all.flatMap((b, j) => (i < j && distance(a, b) <= 12 ? [`${i} ${j}`] : [])),
          );
          const found = new Set([...new NearHashes(all).pairs(12)].map(([a, b]) => `${a} ${b}`));
          expect([...found].sort()).toEqual(expected.sort());
        },
      ),
    );
  });
});

describe('a split by content', () => {
  const many = (count: number): Splittable[] =>
    Array.from({ length: count }, (_, index) => ({
      content: { text: `text ${index}` },
      label: `label ${index % 3}`,
    }));
  const method = 'content-hash';

  it('leaves every example on its side when the dataset grows', () => {
    const sides = (examples: Splittable[]) =>
      new Set(splitExamples(examples, { seed: 1, method }).test.map(({ content }) => content.text));
    const [small, large] = [sides(many(300)), sides(many(900))];
    expect(small.size).toBeGreaterThan(35);
    expect(small.size).toBeLessThan(85);
    for (const { content } of many(300)) expect(large.has(content.text)).toBe(small.has(content.text));
  });

  it('trains on every label, and keeps twins together', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            content: fc.record({ text: fc.nat(20).map(String) }),
            label: fc.constantFrom('a', 'b', 'c'),
          }),
        ),
        fc.integer(),
        (examples, seed) => {
          const { train, test } = splitExamples(examples, { seed, testShare: 0.5, method });
          expect(new Set(train.map(({ label }) => label))).toEqual(
            new Set(examples.map(({ label }) => label)),
          );
          const trained = new Set(train.map(({ content }) => content.text));
          const counts = Map.groupBy(examples, ({ content }) => content.text);
          for (const {
            content: { text },
            label,
          } of test)
            if (counts.get(text)!.every((twin) => twin.label === label))
              expect(trained.has(text)).toBe(false);
        },
      ),
    );
  });
});
