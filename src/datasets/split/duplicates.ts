import { NearHashes } from './near-hashes.ts';

/** What is compared: an example of a dataset, or anything shaped like one. */
export interface Comparable {
  image?: string;
  /** sha256 of the picture's bytes; where absent, the path stands for the picture. */
  imageHash?: string;
  perceptualHash?: string;
  text?: string;
}

/** Bits of 256 by which copies differ that were scaled, compressed again or lightened. Cropped ones differ in more. */
const copyDistance = 12;
/** A picture with fewer bits set is plain: its looks say nothing. */
const fewestBits = 8;
/** What more than this share of the examples have in common, and more than so many, is a placeholder or a stock phrase. */
const commonplace = { share: 0.02, examples: 10 };

/**
 * Groups examples that are the same thing, or nearly: the same content, the same picture or a near copy of it, or the
 * same text but for case and spaces. A picture or text that very many examples have groups only those that are the
 * same in both.
 * @returns the number of each example's group; groups are numbered by their first example
 * @example groupTwins([{ text: 'A cat' }, { text: 'a  cat' }, { text: 'a dog' }]) // [0, 0, 1]
 */
export function groupTwins(examples: readonly Comparable[]): number[] {
  const groups = new DisjointSets(examples.length);
  const most = Math.max(commonplace.examples, commonplace.share * examples.length);
  const link = (keyOf: (example: Comparable) => string | undefined, limit: number) => {
    for (const [key, rows] of Map.groupBy(examples.keys(), (row) => keyOf(examples[row])))
      if (key !== undefined && rows.length <= limit) for (const row of rows) groups.join(rows[0], row);
  };
  link(contentOf, Number.POSITIVE_INFINITY);
  link(({ image, imageHash }) => imageHash ?? image, most);
  link(({ text }) => text && plain(text), most);
  const looks = Map.groupBy(examples.keys(), (row) => examples[row].perceptualHash);
  const telling = [...looks].filter(
    ([hash, rows]) => hash !== undefined && rows.length <= most && countBits(hash) >= fewestBits,
  ) as [string, number[]][];
  for (const [, rows] of telling) for (const row of rows) groups.join(rows[0], row);
  for (const [a, b] of new NearHashes(telling.map(([hash]) => hash)).pairs(copyDistance))
    groups.join(telling[a][1][0], telling[b][1][0]);
  const numbers = new Map<number, number>();
  return examples.map((_, row) => {
    const root = groups.root(row);
    if (!numbers.has(root)) numbers.set(root, numbers.size);
    return numbers.get(root)!;
  });
}

/** Two examples with the same value are the same in picture and text. */
export function contentOf({ image, imageHash, text }: Comparable): string {
  return JSON.stringify([imageHash ?? image ?? null, text ?? null]);
}

function plain(text: string): string {
  return text.normalize('NFKC').toLowerCase().replaceAll(/\s+/g, ' ').trim();
}

function countBits(hash: string): number {
  let count = 0;
  for (const digit of hash)
    for (let bits = Number.parseInt(digit, 16); bits > 0; bits >>= 1) count += bits & 1;
  return count;
}

/** Disjoint sets (union-find, with path halving). */
class DisjointSets {
  readonly #parents: Int32Array;

  constructor(size: number) {
    this.#parents = Int32Array.from({ length: size }, (_, index) => index);
  }

  root(member: number): number {
    let at = member;
    while (this.#parents[at] !== at) {
      this.#parents[at] = this.#parents[this.#parents[at]];
      at = this.#parents[at];
    }
    return at;
  }

  join(a: number, b: number): void {
    const [first, second] = [this.root(a), this.root(b)];
    this.#parents[Math.max(first, second)] = Math.min(first, second);
  }
}
