import { createHash } from 'node:crypto';
import { uniformFloat32 } from 'pure-rand/distribution/uniformFloat32';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import { itemAt } from './indexing.ts';

/**
 * A seeded source of random numbers: same seed and purpose, same numbers, on every machine. Not for secrets.
 * @example new Random(42).shuffle([1, 2, 3]);
 */
export class Random {
  readonly #generator: ReturnType<typeof xoroshiro128plusFromState>;

  /**
   * @param seed any number
   * @param purpose names an independent stream of the seed, so that using one more number for one purpose changes
   *   nothing for another
   * @param index tells streams of one purpose apart: an epoch, a step
   */
  constructor(seed: number, purpose = '', index = 0) {
    const digest = createHash('sha256')
      .update(JSON.stringify([seed, purpose, index]))
      .digest();
    this.#generator = xoroshiro128plusFromState([0, 4, 8, 12].map((offset) => digest.readInt32LE(offset)));
  }

  /** A number from 0 up to but not including 1, with 24 random bits. */
  nextFloat(): number {
    return uniformFloat32(this.#generator);
  }

  /** A whole number from 0 up to but not including `bound`, all equally likely. */
  nextInteger(bound: number): number {
    return uniformInt(this.#generator, 0, bound - 1);
  }

  /** A standard normal number (Box and Muller). */
  nextNormal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.nextFloat()));
    return radius * Math.cos(2 * Math.PI * this.nextFloat());
  }

  /** A shuffled copy (Fisher and Yates). */
  shuffle<Item>(items: readonly Item[]): Item[] {
    const shuffled = [...items];
    for (let last = shuffled.length - 1; last > 0; last--) {
      const chosen = this.nextInteger(last + 1);
      const held = itemAt(shuffled, last);
      shuffled[last] = itemAt(shuffled, chosen);
      shuffled[chosen] = held;
    }
    return shuffled;
  }
}
