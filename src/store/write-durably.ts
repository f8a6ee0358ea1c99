import { open, rename } from 'node:fs/promises';
import path from 'node:path';

/**
 * Writes a file so that after a crash there is the old one or the new one, whole: under another name, forced to the
 * disk, renamed.
 * @example await writeDurably('state/epoch', bytes);
 */
export async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${file}.${process.pid}.new`;
  const handle = await open(temporary, 'w');
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  const folder = await open(path.dirname(file), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
