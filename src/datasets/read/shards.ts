import { extname } from 'node:path';
import { tableFormatOf } from './table-formats.ts';

/** A table that holds a part of a dataset. */
export interface Shard {
  /** Of the file, in its folder. */
  name: string;
  /** Of all shards of its split, for notes: `train-*.parquet`. */
  called: string;
  split?: 'train' | 'test';
}

/** The tables of a folder that make up a dataset together, and what there is to say about them. */
export interface Shards {
  shards: Shard[];
  notes: string[];
  /** What is wrong with all of them together, and where. */
  problems: { at: string; detail: string }[];
}

/** A split and perhaps a number: `train`, `test-1`, `train-00000-of-00003`, with a hash as the hub has some. */
const ofSplit = /^(train|test|validation|valid|val|dev)(?:[-_]?\d+|-(\d+)-of-(\d+)(?:-[0-9a-f]+)?)?$/i;
const numbered = /^(?:part[-_.]?)?\d+(?:-of-\d+)?$/i;

/**
 * Finds the tables of a folder that are named by their split (`train.csv` and `test.csv`, or the hub's
 * `train-00000-of-00003.parquet`), or by a number alone. Without a test split, `validation` is taken for it.
 * @param names of the files in the folder, in order
 * @returns no shards where the folder is laid out otherwise
 * @example shardsOf(['README.md', 'test.csv', 'train.csv']).shards.map(({ split }) => split) // ['test', 'train']
 */
export function shardsOf(names: readonly string[]): Shards {
  const tables = names.filter((name) => tableFormatOf(name));
  const found = tables.flatMap((name) => {
    const [, split, place, count] = ofSplit.exec(stemOf(name)) ?? [];
    return split === undefined ? [] : [{ name, split: split.toLowerCase(), place, count }];
  });
  if (found.length === 0) {
    const all = tables.length > 1 && tables.every((name) => numbered.test(stemOf(name))) ? tables : [];
    const shards = all.map((name) => ({ name, called: `*${extname(name)}` }));
    return { shards, notes: [], problems: problemsOf(all) };
  }
  const hasTest = found.some(({ split }) => split === 'test');
  const shards: Shard[] = [];
  const notes = new Set<string>();
  for (const { name, split, count } of found) {
    const called = count === undefined ? name : `${split}-*${extname(name)}`;
    if (split === 'train' || split === 'test') shards.push({ name, called, split });
    else if (hasTest) notes.add(`not used: ${called}, since there is a test split`);
    else {
      notes.add(`${called}: read as the test split`);
      shards.push({ name, called, split: 'test' });
    }
  }
  const problems = [...problemsOf(shards.map(({ name }) => name)), ...missingOf(found)];
  return { shards, notes: [...notes], problems };
}

function stemOf(name: string): string {
  return name.slice(0, name.length - extname(name).length);
}

function problemsOf(names: readonly string[]): Shards['problems'] {
  const [first, other] = new Set(names.map((name) => extname(name).toLowerCase()));
  if (first === undefined || other === undefined) return [];
  return [
    { at: names.join(', '), detail: `tables in two formats, ${first} and ${other}; keep those of one` },
  ];
}

/** Shards that others say there are. */
function missingOf(found: readonly { name: string; split: string; place?: string; count?: string }[]) {
  const bySplit = Map.groupBy(found, ({ split, count }) => `${split}-of-${count}`);
  return [...bySplit.values()].flatMap((shards) => {
    const [first] = shards;
    const [name, count] = [first?.name ?? '', Number(first?.count ?? Number.NaN)];
    const there = new Set(shards.map(({ place }) => Number(place)));
    if (!(there.size < count)) return [];
    const detail = `of ${count} files of this split ${count - there.size} are missing; download it again`;
    return [{ at: name, detail }];
  });
}
