import { missing, type SparseRow } from './sparse-rows.ts';

/** Places that n-grams are hashed to. */
export const buckets = 16_384;
/** Characters (UTF-16 code units) of an n-gram. */
const shortest = 2;
const longest = 5;
/** Characters of a text that are looked at: more than an encoder reads of it. */
const mostCharacters = 2048;

/** FNV-1a's offset basis and prime. */
const basis = 0x811c9dc5;
const prime = 0x01000193;

const counts = new Uint16Array(buckets);
const seen = new Uint16Array(buckets);

/**
 * Weights of the n-grams of a text, a vector of length 1: runs of two to five characters, letter case, width and blanks
 * aside, are counted by the bucket that they are hashed to (FNV-1a). A count n weighs 1 + ln n.
 * @example weighNgrams('red bike').places.length // 26
 */
export function weighNgrams(text: string): SparseRow {
  const codes = ` ${normalise(text)} `;
  let found = 0;
  for (let start = 0; start + shortest <= codes.length; start++) {
    const end = Math.min(start + longest, codes.length);
    let hash = basis;
    for (let at = start; at < end; at++) {
      hash = Math.imul(hash ^ codes.charCodeAt(at), prime);
      if (at - start + 1 < shortest) continue;
      const bucket = (hash ^ (hash >>> 15)) & (buckets - 1);
      const count = counts[bucket] ?? missing;
      if (count === 0) seen[found++] = bucket;
      counts[bucket] = count + 1;
    }
  }
  const places = seen.slice(0, found);
  const weights = new Float32Array(found);
  let squares = 0;
  for (let index = 0; index < found; index++) {
    const bucket = places[index] ?? missing;
    const weight = 1 + Math.log(counts[bucket] ?? missing);
    counts[bucket] = 0;
    weights[index] = weight;
    squares += weight * weight;
  }
  const factor = squares === 0 ? 0 : 1 / Math.sqrt(squares);
  for (let index = 0; index < found; index++) weights[index] = (weights[index] ?? missing) * factor;
  return { places, weights };
}

function normalise(text: string): string {
  return text.slice(0, mostCharacters).normalize('NFKC').toLowerCase().replaceAll(/\s+/g, ' ').trim();
}
