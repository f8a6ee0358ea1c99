import path from 'node:path';
import { z } from 'zod';
import { readJsonFile, writeJsonFile } from './json-file.ts';

const fileSchema = z.object({
  format: z.literal(1),
  /** By alias: the versions that it stood for, the present one first. */
  aliases: z.record(z.string(), z.array(z.int().positive()).min(1)),
  /** Numbers that no version may have again. */
  deleted: z.array(z.int().positive()),
});

/** What is known of a head beside its versions. */
export type HeadRecord = z.infer<typeof fileSchema>;

/** What an alias may be called. `latest` and numbers mean something already. */
export const aliasPattern = /^(?!latest$)[a-z][a-z0-9._-]{0,63}$/;

/** How many earlier versions an alias remembers. */
const remembered = 20;

/** @param folder of the head @throws TandemError `damaged-artifact` */
export async function readRecord(folder: string): Promise<HeadRecord> {
  const record = await readJsonFile(recordFile(folder), fileSchema, 'is no list of aliases');
  return record ?? { format: 1, aliases: {}, deleted: [] };
}

/** Replaces the record in one step: who reads meanwhile finds the old one or the new one. */
export function writeRecord(folder: string, record: HeadRecord): Promise<void> {
  return writeJsonFile(recordFile(folder), record);
}

function recordFile(folder: string): string {
  return path.join(folder, 'aliases.json');
}

/** The record with an alias on another version; the one before it is remembered. */
export function withAlias(record: HeadRecord, alias: string, version: number): HeadRecord {
  const before = record.aliases[alias] ?? [];
  if (before[0] === version) return record;
  const versions = [version, ...before].slice(0, 1 + remembered);
  return { ...record, aliases: { ...record.aliases, [alias]: versions } };
}
