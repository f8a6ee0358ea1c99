import { createWriteStream } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { product } from '../../../src/product.ts';
import { ModelHub } from '../../model-hub.ts';
import { hunters } from '../hunters.ts';
import { open } from './open-tandem.ts';

const modernbert = fileURLToPath(new URL('../../fixtures/models/modernbert', import.meta.url));
const commit = '0123456789abcdef0123456789abcdef01234567';
const model = `some-lab/bert@${commit}`;

/** A hub that has the tiny model. */
async function hubWithModel(): Promise<ModelHub> {
  const entries = await readdir(modernbert, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile() && entry.name !== 'reference.json')
    .map((entry) => path.join(entry.parentPath, entry.name));
  const files: Record<string, Uint8Array> = {};
  for (const name of names) files[path.relative(modernbert, name)] = await readFile(name);
  return ModelHub.start({ 'some-lab/bert': { commit, files } });
}

/** Who chases whom, often enough that tuning the blocks of a tiny model pays. */
function chases(): string {
  const [header, ...rows] = hunters((hunter) => hunter)
    .trim()
    .split('\n');
  const ends = ['', ' now', ' here', ' at sea', ' in the hall', ' on the rock', ' with a photo', ' to sleep'];
  return [header, ...ends.flatMap((end) => rows.map((row) => row.replace(',', `${end},`)))].join('\n');
}

it('a tuned head says from which model of the hub its trunk is, and elsewhere how to install the same', async () => {
  await using hub = await hubWithModel();
  const { tandem, data } = await open({ hub: hub.address, textEncoder: 'some-lab/bert', threads: 1 });
  const table = path.join(data, 'chases.csv');
  await writeFile(table, chases());
  const { folder, tuning } = await tandem.train(table, {
    ...{ head: 'chases', search: false, refit: false, tune: 'text:last-1' },
  });
  expect(tuning).toMatchObject({ blocks: { text: 1 } });
  expect((await tandem.heads.get('chases')).encoders).toMatchObject([{ origin: { model, pooling: 'mean' } }]);
  expect(await readFile(path.join(folder, 'report.html'), 'utf8')).toContain(model);

  const { tandem: elsewhere, data: other } = await open({ hub: hub.address, threads: 1 });
  const file = path.join(other, 'chases.tar');
  await pipeline((await tandem.heads.export('chases')).content, createWriteStream(file));
  const command = `${product.invocation} encoders add ${model} --modality text --dtype fp32 --pooling mean`;
  await expect(elsewhere.heads.import(file)).rejects.toMatchObject({
    code: 'head-conflict',
    message: expect.stringMatching(/of the text encoder bert \(\w{12}\), which is not here$/),
    fix: expect.stringContaining(`Install bert: \`${command}`),
  });
  await elsewhere.encoders.add(model, { modality: 'text', pooling: 'mean' });
  await elsewhere.heads.import(file);
  const input = { text: 'the fox chases the bear' };
  const [[ours], [theirs]] = await Promise.all(
    [tandem, elsewhere].map(async (one) => (await one.predict([input], { head: 'chases' })).results),
  );
  expect({ ...theirs, timings: undefined }).toEqual({ ...ours, timings: undefined });
});
