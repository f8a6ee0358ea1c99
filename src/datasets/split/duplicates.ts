import { itemAt } from '../../indexing.ts';
import { identitiesOf } from '../../modalities/content.ts';
import { type Content, modalities } from '../../modalities/registry.ts';
import { NearHashes } from './near-hashes.ts';

/** What is compared: an example of a dataset, or anything shaped like one. */
export interface Comparable {
  content: Content;
  /** Those of one group belong together, whatever they have. */
  group?: string;
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
 * same in every modality. Examples that name one group are one.
 * @returns the number of each example's group; groups are numbered by their first example
 * @example groupTwins([{ content: { text: 'A cat' } }, { content: { text: 'a  cat' } }]) // [0, 0]
 */
export function groupTwins(examples: readonly Comparable[]): number[] {
  const groups = new DisjointSets(examples.length);
  const most = Math.max(commonplace.examples, commonplace.share * examples.length);
  const link = (keyOf: (example: Comparable) => string | undefined, limit: number) => {
    for (const [key, rows] of rowsBy(examples, keyOf))
      if (key !== undefined && rows.length <= limit) groups.joinAll(rows);
  };
  link(contentOf, Number.POSITIVE_INFINITY);
  link(({ group }) => group, Number.POSITIVE_INFINITY);
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
    const number = numbers.get(root) ?? numbers.size;
    numbers.set(root, number);
    return number;
  });
}

function rowsBy<Key>(
  examples: readonly Comparable[],
  keyOf: (example: Comparable) => Key,
): Map<Key, number[]> {
  return Map.groupBy(examples.keys(), (row) => keyOf(itemAt(examples, row)));
}

/** Joins the groups of examples that look nearly alike. */
function joinNearCopies(
  examples: readonly Comparable[],
  groups: DisjointSets,
  { most, looksOf }: { most: number; looksOf(example: Comparable): string | undefined },
): void {
  const telling = [...rowsBy(examples, looksOf)].flatMap(([hash, rows]) => {
    const isTelling = hash !== undefined && rows.length <= most && countBits(hash) >= fewestBits;
    return isTelling ? [{ hash, rows, first: itemAt(rows, 0) }] : [];
  });
  for (const { rows } of telling) groups.joinAll(rows);
  for (const [a, b] of new NearHashes(telling.map(({ hash }) => hash)).pairs(copyDistance))
    groups.join(itemAt(telling, a).first, itemAt(telling, b).first);
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
    for (let parent = this.#parentOf(at); parent !== at; parent = this.#parentOf(at)) {
      const grandparent = this.#parentOf(parent);
      this.#parents[at] = grandparent;
      at = grandparent;
    }
    return at;
  }

  #parentOf(member: number): number {
    return this.#parents[member] ?? member;
  }

  joinAll(members: readonly number[]): void {
    const [first = 0] = members;
    for (const member of members) this.join(first, member);
  }

  join(a: number, b: number): void {
    const [first, second] = [this.root(a), this.root(b)];
    this.#parents[Math.max(first, second)] = Math.min(first, second);
  }
}
