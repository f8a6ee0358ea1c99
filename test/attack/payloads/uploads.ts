import { open, writeFile } from 'node:fs/promises';
import { crc32, deflateRawSync } from 'node:zlib';

/** A file of an archive. Entries that share `packed` share its bytes in memory. */
export interface PackedFile {
  name: string;
  packed: Buffer;
  crc: number;
  size: number;
}

/** @example packFile('a.txt', Buffer.alloc(2 ** 20)) */
export function packFile(name: string, content: Buffer): PackedFile {
  return { name, packed: deflateRawSync(content, { level: 9 }), crc: crc32(content), size: content.length };
}

/** Writes a zip file of files that are packed already, so that a bomb costs its maker little. */
export async function writeZip(file: string, files: Iterable<PackedFile>): Promise<void> {
  const handle = await open(file, 'w');
  const directory: Buffer[] = [];
  let offset = 0;
  try {
    for (const { name, packed, crc, size } of files) {
      const header = headerOf(Buffer.from(name), packed.length, crc, size, offset);
      await handle.writev([header.local, packed]);
      directory.push(header.central);
      offset += header.local.length + packed.length;
    }
    const central = Buffer.concat(directory);
    const end = Buffer.alloc(22);
    end.writeUInt32LE(0x06054b50, 0);
    end.writeUInt16LE(directory.length, 8);
    end.writeUInt16LE(directory.length, 10);
    end.writeUInt32LE(central.length, 12);
    end.writeUInt32LE(offset, 16);
    await handle.writev([central, end]);
  } finally {
    await handle.close();
  }
}

function headerOf(name: Buffer, packed: number, crc: number, size: number, offset: number) {
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  // The name is UTF-8; the data is deflated.
  common.writeUInt16LE(0x800, 2);
  common.writeUInt16LE(8, 4);
  common.writeUInt32LE(crc, 10);
  common.writeUInt32LE(packed, 14);
  common.writeUInt32LE(size, 18);
  common.writeUInt16LE(name.length, 22);
  const [localMark, centralMark] = [0x04034b50, 0x02014b50].map((mark) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(mark);
    return bytes;
  });
  const madeBy = Buffer.from([20, 0]);
  const rest = Buffer.alloc(14);
  rest.writeUInt32LE(offset, 10);
  return {
    local: Buffer.concat([localMark, common, name]),
    central: Buffer.concat([centralMark, madeBy, common, rest, name]),
  };
}

/** Texts that unpack to almost a thousand times their size, each just small enough to be taken for a small file. */
export async function manyTexts(file: string, count = 4500, bytes = 2 ** 20): Promise<void> {
  const text = packFile('', Buffer.alloc(bytes, 'a '));
  await writeZip(
    file,
    Array.from({ length: count }, (_, index) => ({
      ...text,
      name: `${index % 2 ? 'cat' : 'dog'}/${index}.txt`,
    })),
  );
}

/** Names that lead through so many folders, each name through folders of its own. */
export async function deepNames(file: string, count = 4500, depth = 1000): Promise<void> {
  const text = packFile('', Buffer.from('a text'));
  const below = 'd/'.repeat(depth - 1);
  await writeZip(
    file,
    Array.from({ length: count }, (_, index) => ({ ...text, name: `${index}/${below}a.txt` })),
  );
}

/** A table with one row a line. */
export async function table(
  file: string,
  header: string,
  rows: number,
  rowOf: (row: number) => string,
): Promise<void> {
  const handle = await open(file, 'w');
  try {
    await handle.write(`${header}\n`);
    for (let first = 0; first < rows; first += 10_000) {
      const count = Math.min(10_000, rows - first);
      await handle.write(`${Array.from({ length: count }, (_, index) => rowOf(first + index)).join('\n')}\n`);
    }
  } finally {
    await handle.close();
  }
}

/** A table whose spare column has a name of so many bytes. */
export async function longColumn(file: string, bytes = 20e6): Promise<void> {
  await writeFile(file, `text,label,${'n'.repeat(bytes)}\na,x,1\nb,x,2\nc,y,3\nd,y,4\n`);
}
