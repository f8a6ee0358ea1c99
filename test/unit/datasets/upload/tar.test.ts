import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { Header, type HeaderData } from 'tar';
import { describe, expect, it } from 'vitest';
import { unpackUpload } from '../../../../src/datasets/upload/unpack.ts';
import { temporaryFolder } from '../sample.ts';

type Entry = HeaderData & { path: string; content?: Buffer };

function tar(entries: Entry[]): Buffer {
  const blocks = entries.flatMap(({ content = Buffer.alloc(0), ...entry }) => {
    const header = Buffer.alloc(512);
    new Header({ type: 'File', mode: 0o644, size: content.length, ...entry }).encode(header, 0);
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** Puts an archive on disk, unpacks it into `into` beside it, and lists what is there afterwards. */
async function unpack(bytes: Buffer, name = 'upload.tar', limits?: Parameters<typeof unpackUpload>[3]) {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'upload'), bytes);
  const error = await unpackUpload(join(folder, 'upload'), name, join(folder, 'into'), limits).then(
    () => undefined,
    (error) => error,
  );
  const left = (await readdir(folder, { recursive: true })).filter((name) => name !== 'upload').sort();
  return { folder, left, error };
}

const plain: Entry[] = [
  { path: 'cat/', type: 'Directory' },
  { path: 'cat/a.txt', content: Buffer.from('A cat') },
  { path: '._a.txt', content: Buffer.from('left by macOS') },
  { path: 'dog/犬.txt', content: Buffer.alloc(100_000, 'dog ') },
];

describe('a tar file', () => {
  it.each([
    ['as it is', tar(plain), 'pets.tar'],
    ['gzipped', gzipSync(tar(plain)), 'pets.tar.gz'],
    ['under a name that says nothing', gzipSync(tar(plain)), 'blob'],
  ])('becomes a folder, %s', async (_, bytes, name) => {
    const { folder, left, error } = await unpack(bytes, name);
    expect(error).toBeUndefined();
    expect(left).toEqual(['into', 'into/cat', 'into/cat/a.txt', 'into/dog', 'into/dog/犬.txt']);
    expect(await readFile(join(folder, 'into/cat/a.txt'), 'utf8')).toBe('A cat');
    expect(await readFile(join(folder, 'into/dog/犬.txt'))).toEqual(plain[3].content);
  });
});

describe('a tar file that is refused', () => {
  const good = { path: 'one.txt', content: Buffer.from('one') };
  it.each<[string, Entry[] | Buffer, RegExp]>([
    ['leads out of the folder', [good, { path: 'a/../../evil.txt' }], /leads out of the folder/],
    ['leads out with backslashes', [good, { path: 'a\\..\\..\\evil.txt' }], /leads out of the folder/],
    ['has an absolute name', [good, { path: '/etc/evil.txt' }], /absolute path/],
    ['has a name with a drive', [good, { path: 'C:/evil.txt' }], /absolute path/],
    ['has a name with a line break', [good, { path: 'a\nb.txt' }], /control characters/],
    [
      'has a symbolic link',
      [good, { path: 'l', type: 'SymbolicLink', linkpath: '/etc' }],
      /l: it is a symbolic link/,
    ],
    ['has a hard link', [good, { path: 'l', type: 'Link', linkpath: 'one.txt' }], /hard link/],
    ['has a device', [good, { path: 'd', type: 'CharacterDevice' }], /neither a file nor a folder/],
    ['has a file twice', [good, good], /one\.txt: it is in the archive twice/],
    ['has a file that is a folder too', [good, { path: 'one.txt/two.txt' }], /both a file and a folder/],
    ['is empty', [], /no files|cannot be unpacked/],
    ['breaks off', tar(plain).subarray(0, 20_000), /cannot be unpacked/],
    ['breaks off inside its gzip', gzipSync(tar(plain)).subarray(0, -20), /cannot be unpacked/],
    [
      'has a damaged header',
      Buffer.concat([tar(plain).subarray(0, 2560), Buffer.alloc(2048, 'x')]),
      /cannot be unpacked/,
    ],
  ])('%s, and nothing stays', async (_, entries, message) => {
    const { error, left } = await unpack(Buffer.isBuffer(entries) ? entries : tar(entries));
    expect(error).toMatchObject({ code: 'invalid-dataset', message: expect.stringMatching(message) });
    expect(left).toEqual([]);
  });

  it.each([
    ['of too many entries', /more than 3 entries/, { entries: 3, bytes: 1e6, ratio: 200 }],
    ['of too many bytes', /would take more than 50000 bytes/, { entries: 9, bytes: 50_000, ratio: 200 }],
  ])('%s, and nothing stays', async (_, message, limits) => {
    const { error, left } = await unpack(tar(plain), 'bomb.tar', limits);
    expect(error).toMatchObject({ code: 'invalid-dataset', message: expect.stringMatching(message) });
    expect(left).toEqual([]);
  });

  it('grows beyond measure when unpacked', async () => {
    const bomb = gzipSync(tar([{ path: 'zeros.png', content: Buffer.alloc(9_000_000) }]));
    const { error, left } = await unpack(bomb, 'bomb.tgz', { entries: 10, bytes: 1e9, ratio: 100 });
    expect(error?.message).toMatch(/grow more than 100 times/);
    expect(left).toEqual([]);
  });
});

describe('any bytes that call themselves a tar', () => {
  it('are unpacked or refused, and what is refused leaves nothing', async () => {
    const whole = tar(plain);
    const anyDamage = fc.array(fc.record({ at: fc.nat(whole.length - 1), value: fc.nat(255) }), {
      minLength: 1,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(anyDamage, fc.nat(whole.length), async (damage, length) => {
        const bytes = Buffer.from(whole);
        for (const { at, value } of damage) bytes[at] = value;
        const { error, left } = await unpack(bytes.subarray(0, length));
        if (error) expect(error).toMatchObject({ code: 'invalid-dataset' });
        if (error) expect(left).toEqual([]);
        else expect(left.every((name) => name === 'into' || name.startsWith('into/'))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});
