import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Options, ZipFile } from 'yazl';
import { readDataset } from '../../../../src/datasets/dataset.ts';
import { unpackUpload } from '../../../../src/datasets/upload/unpack.ts';
import { image, temporaryFolder } from '../sample.ts';

type Content = string | Buffer | { content: Buffer; options: Partial<Options> };

async function zip(files: Record<string, Content>): Promise<Buffer> {
  const archive = new ZipFile();
  for (const [name, file] of Object.entries(files)) {
    if (name.endsWith('/')) archive.addEmptyDirectory(name);
    else if (typeof file === 'string' || Buffer.isBuffer(file)) archive.addBuffer(Buffer.from(file), name);
    else archive.addBuffer(file.content, name, file.options);
  }
  archive.end();
  return buffer(archive.outputStream);
}

/** Puts an archive on disk, unpacks it into `into` beside it, and lists what is there afterwards. */
async function extract(bytes: Buffer, limits?: Parameters<typeof unpackUpload>[3]) {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'upload.zip'), bytes);
  const outcome = await unpackUpload(
    join(folder, 'upload.zip'),
    'upload.zip',
    join(folder, 'into'),
    limits,
  ).then(
    (dataset) => ({ dataset: dataset.slice(folder.length + 1) }),
    (error) => ({ error }),
  );
  const left = (await readdir(folder, { recursive: true })).filter((name) => name !== 'upload.zip').sort();
  return { folder, left, ...outcome } as { folder: string; left: string[]; dataset?: string; error?: Error };
}

/** The archive with another text of the same length at every place, so in both of its headers. */
function replaced(bytes: Buffer, from: string, to: string): Buffer {
  expect(to).toHaveLength(from.length);
  return Buffer.from(bytes.toString('latin1').replaceAll(from, to), 'latin1');
}

const centralHeader = Buffer.from('PK\x01\x02', 'latin1');

/** The archive with a number in the directory entry of its first file changed. */
function withDirectoryField(bytes: Buffer, offset: number, length: 2 | 4, value: number): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUIntLE(value, changed.indexOf(centralHeader) + offset, length);
  return changed;
}

describe('an archive', () => {
  it('becomes a folder that is read as a dataset', async () => {
    const files: Record<string, Content> = {
      'metadata.csv': 'file_name,label\na.png,x\nb.png,x\nc.png,y\nd.png,y\n',
    };
    for (const [index, name] of ['a.png', 'b.png', 'c.png', 'd.png'].entries())
      files[name] = await image(index);
    const { folder, dataset } = await extract(await zip(files));
    expect(dataset).toBe('into');
    expect((await readDataset(join(folder, 'into'))).examples).toHaveLength(4);
  });

  it('keeps its folders, and loses what macOS and Windows leave', async () => {
    const { folder, left } = await extract(
      await zip({
        'cat/a.txt': 'A cat',
        'dog/': '',
        '__MACOSX/cat/._a.txt': '',
        '.DS_Store': '',
        'dog/Thumbs.db': '',
      }),
    );
    expect(left).toEqual(['into', 'into/cat', 'into/cat/a.txt']);
    expect(await readFile(join(folder, 'into/cat/a.txt'), 'utf8')).toBe('A cat');
  });

  it('is the dataset without the one folder that everything is in', async () => {
    const { dataset } = await extract(
      await zip({ 'pets/': '', 'pets/cat/a.txt': 'A cat', '__MACOSX/pets/._x': '' }),
    );
    expect(dataset).toBe('into/pets');
  });

  it('may hold names in other alphabets, empty files and stored files', async () => {
    const stored = { content: Buffer.from('plain'), options: { compress: false } };
    const { left } = await extract(await zip({ 'Füße/猫.txt': '', 'a.txt': stored }));
    expect(left).toEqual(['into', 'into/Füße', 'into/Füße/猫.txt', 'into/a.txt']);
  });

  it('is unpacked into an empty folder and never over another dataset', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'upload.zip'), await zip({ 'a.txt': '' }));
    const unpack = () => unpackUpload(join(folder, 'upload.zip'), 'upload.zip', join(folder, 'deep/into'));
    await unpack();
    await expect(unpack()).rejects.toThrow(/ENOTEMPTY/);
    expect(await readdir(join(folder, 'deep'))).toEqual(['into']);
  });
});

describe('an archive that is refused', () => {
  const bad = zip({ 'one.txt': 'one', 'xx/evil.txt': 'evil', 'two.txt': 'two' });
  const attack = async (name: string): Promise<Buffer> => {
    switch (name) {
      case 'leads out of the folder':
        return replaced(await bad, 'xx/evil.txt', '../evil.txt');
      case 'leads out of the folder with backslashes':
        return replaced(await bad, 'xx/evil.txt', '..\\evil.txt');
      case 'has an absolute name':
        return replaced(await bad, 'xx/evil.txt', '/x/evil.txt');
      case 'has a name with a drive':
        return replaced(await bad, 'xx/evil.txt', 'C:/evil.txt');
      case 'has a name with a zero byte':
        return replaced(await bad, 'xx/evil.txt', 'xx/ev\0l.txt');
      case 'has a file twice':
        return replaced(await bad, 'two.txt', 'one.txt');
      case 'has a link':
        return zip({ 'link.txt': { content: Buffer.from('/etc/passwd'), options: { mode: 0o120777 } } });
      case 'has a device':
        return zip({ 'device.txt': { content: Buffer.from(''), options: { mode: 0o060666 } } });
      case 'is encrypted':
        return withDirectoryField(await bad, 8, 2, 1);
      case 'is packed in another way':
        return withDirectoryField(await bad, 10, 2, 12);
      case 'has a file that is a folder too':
        return zip({ 'a/b.txt': '', a: '' });
      case 'has a wrong checksum':
        return withDirectoryField(await bad, 16, 4, 12345);
      case 'says a smaller size than it has':
        return withDirectoryField(await zip({ 'one.txt': 'one one one one one one' }), 24, 4, 5);
      case 'has names that are too long':
        return zip({ [`${'n'.repeat(300)}.txt`]: '' });
      case 'is cut off':
        return (await bad).subarray(0, -30);
      case 'is no archive':
        return Buffer.from('file_name,label\n');
      case 'is empty':
        return zip({ '.DS_Store': '' });
      default:
        throw new Error(name);
    }
  };

  it.each([
    ['leads out of the folder', /\.\.\/evil\.txt/],
    ['leads out of the folder with backslashes', /\.\.\/evil\.txt/],
    ['has an absolute name', /\/x\/evil\.txt/],
    ['has a name with a drive', /C:\/evil\.txt/],
    ['has a name with a zero byte', /control characters/],
    ['has a file twice', /one\.txt.*twice/],
    ['has a link', /link\.txt.*symbolic link/],
    ['has a device', /device\.txt.*neither a file nor a folder/],
    ['is encrypted', /one\.txt.*encrypted/],
    ['is packed in another way', /one\.txt.*method 12/],
    ['has a file that is a folder too', /a: it is both a file and a folder/],
    ['has a wrong checksum', /checksum/],
    ['says a smaller size than it has', /too many bytes/],
    ['has names that are too long', /nnn….*too long/],
    ['is cut off', /cannot be unpacked/],
    ['is no archive', /cannot be unpacked/],
    ['is empty', /no files/],
  ])('%s, and nothing stays', async (name, message) => {
    const { error, left } = await extract(await attack(name));
    expect(error).toMatchObject({ code: 'invalid-dataset', message: expect.stringMatching(message) });
    expect(left).toEqual([]);
  });

  it.each([
    ['leads out of the folder', '../evil.txt', 'its name leads out of the folder'],
    ['has an absolute name', '/x/evil.txt', 'its name is an absolute path'],
    ['has a name with a drive', 'C:/evil.txt', 'its name is an absolute path'],
  ])('%s, and the place is the entry', async (name, at, detail) => {
    expect((await extract(await attack(name))).error).toMatchObject({ items: [{ at, detail }] });
  });

  it('has a file twice, under two spellings of its name', async () => {
    const bytes = replaced(await zip({ 'a/b.txt': '', 'a_/b.txt': '' }), 'a_/b.txt', 'a//b.txt');
    expect((await extract(bytes)).error?.message).toMatch(/a\/\/b\.txt: it is in the archive twice/);
  });

  it('has data that was changed after packing', async () => {
    const stored = { content: Buffer.from('the truth'), options: { compress: false } };
    const { error, left } = await extract(replaced(await zip({ 'one.txt': stored }), 'truth', 'false'));
    expect(error).toMatchObject({ items: [{ at: 'one.txt', detail: 'its checksum does not match' }] });
    expect(left).toEqual([]);
  });
});

describe('a bomb', () => {
  const limits = { entries: 10, bytes: 10_000_000, ratio: 100 };

  it('of many entries is refused', async () => {
    const names = Array.from({ length: 11 }, (_, index) => [`${index}.txt`, ''] as const);
    const { error, left } = await extract(await zip(Object.fromEntries(names)), limits);
    expect(error?.message).toMatch(/more than 10 entries/);
    expect(left).toEqual([]);
  });

  it('of one file that grows beyond measure is refused by name', async () => {
    const { error } = await extract(
      await zip({ 'one.txt': 'x', 'zeros.png': Buffer.alloc(9_000_000) }),
      limits,
    );
    expect(error?.message).toMatch(/zeros\.png: it would grow more than 100 times/);
  });

  it('of many bytes in all is refused, before anything is written', async () => {
    const content = Buffer.alloc(900_000);
    const { error } = await extract(await zip({ a: content, b: content, c: content }), {
      ...limits,
      bytes: 2e6,
    });
    expect(error?.message).toMatch(/c: the files would take more than 2000000 bytes/);
  });

  it('of files that share their data is refused', async () => {
    const content = Buffer.from(Array.from({ length: 3000 }, (_, index) => (index * index * 31) % 251));
    const bytes = await zip({ a: { content, options: { compress: false } }, b: 'short', c: 'short' });
    const directory = bytes.indexOf(centralHeader);
    const first = bytes.subarray(directory, directory + 46);
    let next = bytes.indexOf(centralHeader, directory + 1);
    while (next > 0) {
      // Sizes, checksum, method and offset of the first entry: the same data under another name.
      first.copy(bytes, next + 10, 10, 28);
      first.copy(bytes, next + 42, 42, 46);
      next = bytes.indexOf(centralHeader, next + 1);
    }
    const { error, left } = await extract(bytes);
    expect(error?.message).toMatch(/overlaps/);
    expect(left).toEqual([]);
  });
});

describe('the name of the archive', () => {
  it('stands in the problem, without the folder it is in', async () => {
    const { error, folder } = await extract(Buffer.from('no archive'));
    expect(error).toMatchObject({ items: [{ at: 'upload.zip' }] });
    expect(error?.message).not.toContain(basename(folder));
  });
});

describe('any bytes that call themselves a zip', () => {
  it('are unpacked or refused, and what is refused leaves nothing', async () => {
    const content = Buffer.from('one two three '.repeat(50));
    const whole = await zip({ 'cat/a.txt': content, 'dog/犬.txt': 'A dog', 'metadata.csv': 'text,label\n' });
    const anyDamage = fc.array(fc.record({ at: fc.nat(whole.length - 1), value: fc.nat(255) }), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(anyDamage, async (damage) => {
        const bytes = Buffer.from(whole);
        for (const { at, value } of damage) bytes[at] = value;
        const { error, left } = await extract(bytes);
        if (error) expect(error).toMatchObject({ code: 'invalid-dataset' });
        if (error) expect(left).toEqual([]);
        else expect(left.every((name) => name === 'into' || name.startsWith('into/'))).toBe(true);
      }),
      { numRuns: 80 },
    );
  });
});
