import { identitiesOf } from '../../modalities/content.ts';
import { type Content, modalities } from '../../modalities/registry.ts';
import { NearHashes } from './near-hashes.ts';

/** What is compared: an example of a dataset, or anything shaped like one. */
export interface Comparable {
  content: Content;
}

/** Bits of 256 by which copies differ that were scaled, compressed again or lightened. Cropped ones differ in more. */
const copyDistance = 12;
/** An image with fewer bits set is plain: its looks say nothing. */
const fewestBits = 8;
/** What more than this share of the examples have in common, and more than so many, is a placeholder or a stock phrase. */
const commonplace = { share: 0.02, examples: 10 };

/**
 * Groups examples that are the same thing, or nearly: the same content, or of any modality the same or a near copy: an
 * image that looks alike, a text but for case and spaces. What very many examples have groups only those that are the
 * same in every modality.
 * @returns the number of each example's group; groups are numbered by their first example
 * @example groupTwins([{ content: { text: 'A cat' } }, { content: { text: 'a  cat' } }]) // [0, 0]
 */
export function groupTwins(examples: readonly Comparable[]): number[] {
  const groups = new DisjointSets(examples.length);
  const most = Math.max(commonplace.examples, commonplace.share * examples.length);
  const link = (keyOf: (example: Comparable) => string | undefined, limit: number) => {
    for (const [key, rows] of Map.groupBy(examples.keys(), (row) => keyOf(examples[row])))
      if (key !== undefined && rows.length <= limit) for (const row of rows) groups.join(rows[0], row);
  };
  link(contentOf, Number.POSITIVE_INFINITY);
  for (const { name, likenessOf, looksOf } of modalities) {
    link(({ content }) => (content[name] === undefined ? undefined : likenessOf(content[name])), most);
    if (looksOf)
      joinNearCopies(examples, groups, {
        most,
        looksOf: ({ content }) => (content[name] === undefined ? undefined : looksOf(content[name])),
      });
  }
  const numbers = new Map<number, number>();
  return examples.map((_, row) => {
    const root = groups.root(row);
    if (!numbers.has(root)) numbers.set(root, numbers.size);
    return numbers.get(root)!;
  });
}

/** Joins the groups of examples that look nearly alike. */
function joinNearCopies(
  examples: readonly Comparable[],
  groups: DisjointSets,
  { most, looksOf }: { most: number; looksOf(example: Comparable): string | undefined },
): void {
  const looks = Map.groupBy(examples.keys(), (row) => looksOf(examples[row]));
  const telling = [...looks].filter(
    ([hash, rows]) => hash !== undefined && rows.length <= most && countBits(hash) >= fewestBits,
  ) as [string, number[]][];
  for (const [, rows] of telling) for (const row of rows) groups.join(rows[0], row);
  for (const [a, b] of new NearHashes(telling.map(([hash]) => hash)).pairs(copyDistance))
    groups.join(telling[a][1][0], telling[b][1][0]);
}

/** Two examples with the same value have the same content of every modality. */
export function contentOf({ content }: Comparable): string {
  return JSON.stringify(identitiesOf(content));
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
