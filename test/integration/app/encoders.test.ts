import { createWriteStream } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { expect, it } from 'vitest';
import { product } from '../../../src/product.ts';
import { integer, node } from '../../sum-encoder.ts';
import { commit, hubWithTiny } from '../../tiny-hub.ts';
import { tinyGraph, writeTinyTextModel } from '../../tiny-text-model.ts';
import { open } from './open-tandem.ts';

/** States in half precision, as weights of fp16 give them. */
const roundedNodes = [
  node('Cast', ['states'], 'halves', [integer('to', 10)]),
  node('Cast', ['halves'], 'last_hidden_state', [integer('to', 1)]),
];

/** Texts of two kinds, which any features tell apart. */
async function writeTexts(folder: string): Promise<void> {
  const rows = Array.from({ length: 12 }, (_, index) => [
    `bike ${'red '.repeat(index)},bikes`,
    `dog ${'bark '.repeat(index)},dogs`,
  ]);
  await mkdir(folder);
  await writeFile(path.join(folder, 'metadata.csv'), `text,label\n${rows.flat().join('\n')}\n`);
}

it('trains and serves a head with an encoder that was added, and keeps the encoder while the head is there', async () => {
  const { data, tandem } = await open();
  await writeTinyTextModel(path.join(data, 'tiny'));
  const added = await tandem.encoders.add(path.join(data, 'tiny'), { pooling: 'mean' });
  await writeFile(path.join(data, 'tiny', 'onnx', 'model_fp16.onnx'), tinyGraph({ nodes: roundedNodes }));
  const { encoders } = await tandem.encoders.list();
  expect(encoders.map(({ id, place }) => [id, place])).toEqual([
    ['all-MiniLM-L6-v2', 'bundled'],
    ['efficientnet-lite0', 'bundled'],
    ['efficientnet-lite0-whole', 'bundled'],
    ['tiny', 'added'],
  ]);
  const { proof, drift } = await tandem.encoders.check('tiny');
  expect(proof).toMatchObject({ items: 5, runDifference: 0 });
  expect(drift).toMatchObject([{ dtype: 'fp16' }]);
  expect(drift[0].least).toBeLessThan(1 - 1e-9);
  expect(drift[0].mean).toBeGreaterThan(drift[0].least);
  expect(drift[0].mean).toBeLessThan(1);
  expect((await tandem.encoders.check('all-MiniLM-L6-v2')).drift).toEqual([]);
  await expect(tandem.encoders.remove('all-MiniLM-L6-v2')).rejects.toMatchObject({ code: 'encoder-in-use' });

  await writeTexts(path.join(data, 'texts'));
  const { tandem: own } = await open({ data, textEncoder: 'tiny' });
  await own.train(path.join(data, 'texts'), { head: 'kinds', search: false });
  expect((await own.heads.get('kinds')).encoders).toMatchObject([
    { modality: 'text', id: 'tiny', dimension: 4, fingerprint: added.fingerprint },
  ]);
  const { results } = await own.predict([{ text: 'bike red red' }], { head: 'kinds' });
  expect(results).toMatchObject([{ labels: [{ label: expect.stringMatching(/bikes|dogs/) }, {}] }]);

  expect((await tandem.predict([{ text: 'bike red red' }], { head: 'kinds' })).results).toMatchObject([
    { labels: [{ label: expect.stringMatching(/bikes|dogs/) }, {}] },
  ]);
  await expect(tandem.encoders.remove('tiny')).rejects.toMatchObject({
    code: 'encoder-in-use',
    message: expect.stringContaining('kinds@1'),
  });
  await tandem.heads.delete('kinds', 1);
  expect(await tandem.encoders.remove('tiny')).toMatchObject({ id: 'tiny' });
  await expect(tandem.encoders.get('tiny')).rejects.toMatchObject({ code: 'unknown-encoder' });
});

it('downloads the encoder that a setting names, and encodes with it', async () => {
  const { data } = await open();
  await using hub = await hubWithTiny(data);
  const { tandem } = await open({ data, hub: hub.address, textEncoder: 'some-lab/tiny' });
  const [{ features }] = await tandem.embed([{ modality: 'text', input: 'a red bike' }]);
  expect(features).toHaveLength(4);
  expect(await tandem.encoders.get('tiny')).toMatchObject({ origin: { folder: `some-lab/tiny@${commit}` } });
  const { tandem: offline } = await open({ data, offline: 'on', textEncoder: `some-lab/tiny@${commit}` });
  expect(await offline.embed([{ modality: 'text', input: 'a red bike' }])).toMatchObject([{ features }]);
});

it('trains with a model of the hub, or a folder, that a call names, and with several', async () => {
  const { data } = await open();
  await using hub = await hubWithTiny(data);
  const { tandem } = await open({ hub: hub.address });
  await writeTexts(path.join(data, 'texts'));
  const idsOf = async (textEncoder: string) => {
    const options = { head: 'kinds', search: false, refit: false, textEncoder };
    await tandem.train(path.join(data, 'texts'), options);
    return (await tandem.heads.get('kinds')).encoders.map(({ id }) => id);
  };
  expect(await idsOf('some-lab/tiny')).toEqual(['tiny']);
  expect(await idsOf(`some-lab/tiny@${commit}+all-MiniLM-L6-v2`)).toEqual(['tiny+all-MiniLM-L6-v2']);
  await expect(idsOf('some-lab/other')).rejects.toMatchObject({ code: 'unknown-model' });
  await expect(idsOf('some lab/tiny')).rejects.toMatchObject({ code: 'unknown-encoder' });
});

it('a head says from which model of the hub its encoder was made, and elsewhere how to install the same', async () => {
  const { data } = await open();
  await using hub = await hubWithTiny(data);
  const { tandem } = await open({ data, hub: hub.address, textEncoder: 'some-lab/tiny' });
  await writeTexts(path.join(data, 'texts'));
  const { folder } = await tandem.train(path.join(data, 'texts'), { head: 'kinds', search: false });
  const [{ origin }] = (await tandem.heads.get('kinds')).encoders;
  expect(origin).toMatchObject({ model: `some-lab/tiny@${commit}`, pooling: 'cls', maxTokens: 64 });
  expect(await readFile(path.join(folder, 'report.html'), 'utf8')).toContain(`some-lab/tiny@${commit}`);

  const { tandem: elsewhere, data: other } = await open({ hub: hub.address });
  const file = path.join(other, 'kinds.tar');
  await pipeline((await tandem.heads.export('kinds')).content, createWriteStream(file));
  await expect(elsewhere.heads.import(file)).rejects.toMatchObject({
    code: 'head-conflict',
    fix: `Install tiny: \`${product.invocation} encoders add some-lab/tiny@${commit} --modality text --dtype fp32 --pooling cls --max-tokens 64\`.`,
  });
  await elsewhere.encoders.add(`some-lab/tiny@${commit}`, {
    modality: 'text',
    pooling: 'cls',
    maxTokens: 64,
  });
  expect(await elsewhere.heads.import(file)).toEqual({ name: 'kinds', version: 1 });
});
