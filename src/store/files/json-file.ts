import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { z } from 'zod';
import { TandemError } from '../../errors.ts';
import { writeDurably } from './durable.ts';
import { missing } from './missing.ts';

/**
 * What a JSON file holds; undefined if missing.
 * @param problem what to say of a file that holds something else, after its path
 * @param fix what to do about it
 * @throws TandemError `damaged-artifact`
 * @example const record = await readJsonFile('aliases.json', recordSchema, 'is no list of aliases');
 */
export async function readJsonFile<Schema extends z.ZodType>(
  file: string,
  schema: Schema,
  problem: string,
  fix?: string,
): Promise<z.infer<Schema> | undefined> {
  const text = await readFile(file, 'utf8').catch(missing);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new TandemError('damaged-artifact', `${file} ${problem}`, { cause, fix });
  }
}

/** Replaces a JSON file in one step: who reads meanwhile finds the old one or the new one. Its folder is made. */
export async function writeJsonFile(file: string, value: unknown): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeDurably(file, Buffer.from(`${JSON.stringify(value, null, 2)}\n`));
}
