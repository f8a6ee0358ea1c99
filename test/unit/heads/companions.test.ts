import { hash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { companionFile, openCompanions, withCompanion } from '../../../src/heads/companions.ts';
import { inputsOf } from '../../../src/heads/inputs.ts';
import { required } from '../../../src/indexing.ts';
import { lexical } from '../../../src/modalities/text/lexical/lexical.ts';
import { temporaryFolder } from '../datasets/sample.ts';

const texts = Array.from({ length: 30 }, (_, row) => `text number ${row * row} of ${row}`);
const bytes = required(lexical.fit(texts), 'what was fitted');
const { dimension } = lexical.open(bytes);
const companion = { id: 'lexical', dimension, fingerprint: hash('sha256', bytes) };
const encoder = { modality: 'text', id: 'all-MiniLM-L6-v2', dimension: 3, fingerprint: 'f' } as const;

async function open(changes: Partial<typeof companion> = {}, content: Uint8Array | undefined = bytes) {
  const folder = await temporaryFolder();
  if (content) await writeFile(path.join(folder, companionFile('text')), content);
  return openCompanions({ folder }, { encoders: [{ ...encoder, companion: { ...companion, ...changes } }] });
}

it('puts the features of characters behind those of the encoder', async () => {
  const companions = await open();
  const features = await withCompanion(companions, 'text', 'text number 4', Float32Array.of(1, 2, 3));
  expect([...features.subarray(0, 3)]).toEqual([1, 2, 3]);
  expect(features.subarray(3)).toEqual(lexical.open(bytes).encode('text number 4'));
  expect(inputsOf([{ ...encoder, companion }])).toEqual([
    { name: 'text', modality: 'text', from: 0, dimension: 3 },
    { name: 'text.companion', modality: 'text', from: 3, dimension },
  ]);
});

it('lets other work run between the characters of many long texts', async () => {
  const companions = await open();
  const alphabet = Array.from({ length: 2000 }, (_, index) => String.fromCodePoint(0x4e00 + index));
  const long = Array.from({ length: 600 }, (_, row) =>
    [...alphabet.slice(row), ...alphabet.slice(0, row)].join(''),
  );
  let turns = 0;
  let isDone = false;
  const count = () => {
    turns++;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  await Promise.all(long.map((text) => withCompanion(companions, 'text', text, Float32Array.of(1))));
  isDone = true;
  expect(turns).toBeGreaterThan(1);
});

it('leaves features as they are where the head takes nothing beside them', async () => {
  const features = Float32Array.of(1, 2, 3);
  const companions = await openCompanions({ folder: 'none' }, { encoders: [encoder] });
  expect(await withCompanion(companions, 'text', 'a text', features)).toBe(features);
});

it('refuses a file that is missing, is another, or does not hold what head.json says', async () => {
  const folder = await temporaryFolder();
  const missing = openCompanions({ folder }, { encoders: [{ ...encoder, companion }] });
  await expect(missing).rejects.toMatchObject({ code: 'damaged-artifact' });
  await expect(open({}, bytes.subarray(1))).rejects.toThrow('does not have the sha256 that head.json names');
  await expect(open({ id: 'telepathic' })).rejects.toThrow('nothing here makes "telepathic" features');
  await expect(open({ dimension: 7 })).rejects.toThrow(`it makes ${dimension} features, not 7`);
  const other = Buffer.from('{}\n');
  await expect(open({ fingerprint: hash('sha256', other) }, other)).rejects.toMatchObject({
    code: 'damaged-artifact',
  });
});
