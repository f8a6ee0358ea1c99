import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/random.ts';

const draw = (random: Random) => Array.from({ length: 6 }, () => random.nextFloat());

describe('random numbers', () => {
  it('are the same for the same seed, purpose and index, and others where one of them differs', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.string(), fc.nat(), (seed, purpose, index) => {
        const drawn = draw(new Random(seed, purpose, index));
        expect(draw(new Random(seed, purpose, index))).toEqual(drawn);
        expect(draw(new Random(seed, purpose, index + 1))).not.toEqual(drawn);
        expect(draw(new Random(seed, `${purpose} again`, index))).not.toEqual(drawn);
      }),
    );
  });

  it('stay what they are from release to release, because heads are reproduced from a seed', () => {
    expect(new Random(42, 'split').shuffle([1, 2, 3, 4, 5, 6, 7, 8])).toMatchInlineSnapshot(`
      [
        1,
        7,
        5,
        4,
        8,
        2,
        3,
        6,
      ]
    `);
  });

  it('lie in the range asked for and fill it evenly', () => {
    const random = new Random(7);
    const counts = new Array(6).fill(0);
    for (let drawn = 0; drawn < 60_000; drawn++) counts[random.nextInteger(6)]++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400);
    const floats = Array.from({ length: 10_000 }, () => random.nextFloat());
    expect(floats.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(floats.reduce((sum, value) => sum + value) / floats.length).toBeCloseTo(0.5, 1);
  });
});

describe('a shuffle', () => {
  it('keeps every item and leaves the original alone', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.integer(), (items, seed) => {
        const before = [...items];
        const shuffled = new Random(seed).shuffle(items);
        expect(items).toEqual(before);
        expect(shuffled.sort((a, b) => a - b)).toEqual(before.sort((a, b) => a - b));
      }),
    );
  });

  it('makes every order about as likely as any other', () => {
    const random = new Random(3);
    const counts = new Map<string, number>();
    for (let round = 0; round < 6000; round++) {
      const order = random.shuffle(['a', 'b', 'c']).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
