import { createHash } from 'node:crypto';
import { z } from 'zod';
import { TandemError } from '../errors.ts';
import { parseJson } from '../json.ts';
import { contentCountsSchema, readEarlierCounts } from '../modalities/content-counts.ts';
import { defaultTarget, targetKinds } from '../targets/target-kind.ts';
import { countExamples } from './counts.ts';
import type { ColumnNames, Dataset } from './example.ts';

const countsSchema = z.object({
  examples: z.int(),
  content: contentCountsSchema,
  train: z.int(),
  test: z.int(),
  labels: z.array(z.object({ label: z.string(), examples: z.int() })),
  numbers: z.object({ least: z.number(), most: z.number(), mean: z.number(), distinct: z.int() }).optional(),
});

/** What is kept of a dataset that was imported, beside its examples. */
const recordSchema = z.object({
  format: z.literal(1),
  id: z.string(),
  name: z.string(),
  /** See `Dataset.hash`: what the dataset holds, wherever it came from. */
  hash: z.string(),
  /** See `Dataset`. */
  target: z.enum(targetKinds).default(defaultTarget),
  /** What stands between several labels in the examples that earlier releases kept. */
  labelSeparator: z.string().optional(),
  labels: z.array(z.string()),
  createdAt: z.iso.datetime(),
  counts: z.preprocess(readEarlierCounts, countsSchema),
  notes: z.array(z.string()),
});

export type DatasetRecord = z.infer<typeof recordSchema>;

/** The record of a dataset that is imported now. Its id is made of its name and of what it holds. */
export function recordOf(dataset: Dataset, name: string): DatasetRecord {
  return {
    format: 1,
    id: `${slug(name)}-${identify(dataset)}`,
    name,
    hash: dataset.hash,
    target: dataset.target,
    labels: dataset.labels,
    createdAt: new Date().toISOString(),
    counts: countExamples(dataset.examples, dataset.target),
    notes: dataset.notes,
  };
}

/**
 * An imported dataset has been read; how is said when it is imported.
 * @throws TandemError `invalid-request` where a reading asks for anything else
 */
export function checkReading(record: DatasetRecord, reading: Partial<ColumnNames>): void {
  const read: Partial<ColumnNames> = { target: record.target };
  const others = (Object.keys(reading) as (keyof ColumnNames)[]).filter(
    (name) => reading[name] !== undefined && reading[name] !== read[name],
  );
  if (others.length === 0) return;
  const detail = `the dataset ${record.id} was read when it was imported; leave this out, or import it anew with it`;
  throw new TandemError('invalid-request', `${others.join(', ')}: ${detail}`, {
    items: others.map((at) => ({ at, detail })),
  });
}

/** @throws TandemError `damaged-artifact` naming the dataset */
export function readRecord({ id, record }: { id: string; record: string }): DatasetRecord {
  return parseJson(recordSchema, record, `what is stored of the dataset ${id}`);
}

/** Those of some records that can be read, and why the others cannot. */
export function readRecords(rows: readonly { id: string; record: string }[]): {
  records: DatasetRecord[];
  damaged: { id: string; problem: string }[];
} {
  const [records, damaged]: [DatasetRecord[], { id: string; problem: string }[]] = [[], []];
  for (const row of rows)
    try {
      records.push(readRecord(row));
    } catch (error) {
      if (!(error instanceof TandemError)) throw error;
      damaged.push({ id: row.id, problem: error.message });
    }
  return { records, damaged };
}

/** Twelve digits of what the dataset holds and of how its labels are read. */
function identify({ hash, target, labels }: Dataset): string {
  const reading = JSON.stringify([hash, target, labels]);
  return createHash('sha256').update(reading).digest('hex').slice(0, 12);
}

/** What of a name may stand in an address and in a file's name. */
function slug(name: string): string {
  const plain = name.normalize('NFKD').toLowerCase().replaceAll(/\p{M}/gu, '');
  return (
    plain
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-+|-+$/g, '')
      .slice(0, 40) || 'dataset'
  );
}
