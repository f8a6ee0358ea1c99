import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { z } from 'zod';
import { readJsonFile, writeJsonFile } from './files/json-file.ts';

const fileSchema = z.object({ name: z.string().min(1) });

/** What the server of a data folder calls itself towards others: the same whenever it starts, and nobody else's. */
export async function serverName(data: string): Promise<string> {
  const file = path.join(data, 'server.json');
  const known = await readJsonFile(file, fileSchema, 'does not name this server');
  if (known) return known.name;
  const name = randomUUID();
  await writeJsonFile(file, { name });
  return name;
}
