const blocks = 16;
const words = 8;
/** A block that more hashes than this share is no clue; near hashes share others. */
const largestBucket = 1000;

/**
 * Finds pairs of 256-bit hashes that differ in few bits, without comparing all: hashes that differ in fewer bits than
 * there are blocks have at least one block in common (multi-index hashing, Norouzi et al. 2012). Distinct hashes only.
 * @example [...new NearHashes([a, b, c]).pairs(12)] // [[0, 1]]
 */
export class NearHashes {
  readonly #hashes: { index: number; bits: Uint32Array }[];

  /** @param hashes hexadecimal, 64 digits each */
  constructor(hashes: readonly string[]) {
    this.#hashes = hashes.map((hash, index) => ({
      index,
      bits: Uint32Array.from({ length: words }, (_, word) =>
        Number.parseInt(hash.slice(8 * word, 8 * word + 8), 16),
      ),
    }));
  }

  /** @param distance the most bits that may differ, below 16 */
  *pairs(distance: number): Generator<[number, number]> {
    if (distance >= blocks) throw new RangeError(`distance ${distance} is not below ${blocks}`);
    for (let block = 0; block < blocks; block++) {
      const buckets = Map.groupBy(this.#hashes, ({ bits }) => blockOf(bits, block));
      for (const bucket of buckets.values()) {
        if (bucket.length > largestBucket) continue;
        for (const [place, a] of bucket.entries())
          for (let other = place + 1; other < bucket.length; other++) {
            const b = bucket[other];
            if (b && differingBits(a.bits, b.bits) <= distance) yield [a.index, b.index];
          }
      }
    }
  }
}

/** Sixteen bits from all over the image: neighbouring bits are alike in many images. */
function blockOf(hash: Uint32Array, block: number): number {
  let bits = 0;
  for (let word = 0; word < words; word++)
    bits = (bits << 2) | (((hash[word] ?? 0) >>> (2 * ((block + 3 * word) % 16))) & 3);
  return bits;
}

function differingBits(a: Uint32Array, b: Uint32Array): number {
  let count = 0;
  for (let word = 0; word < words; word++) {
    // Hacker's Delight, 5-1.
    let bits = (a[word] ?? 0) ^ (b[word] ?? 0);
    bits -= (bits >>> 1) & 0x55555555;
    bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
    count += Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return count;
}
