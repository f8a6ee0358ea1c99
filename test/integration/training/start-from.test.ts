import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { parseHeadManifest } from '../../../src/heads/head.ts';
import { folderWith } from '../../unit/datasets/sample.ts';
import { open } from '../app/open-tandem.ts';

const words = {
  cooking: ['soup', 'bread', 'cake', 'pasta', 'salad', 'rice', 'cheese', 'pepper'],
  sports: ['goal', 'race', 'match', 'tennis', 'boxing', 'rugby', 'referee', 'marathon'],
  music: ['piano', 'song', 'concert', 'violin', 'choir', 'melody', 'drummer', 'opera'],
};

/** Short texts of three labels. */
function texts(perLabel: number): Promise<string> {
  const rows = Object.entries(words).flatMap(([label, own]) =>
    Array.from({ length: perLabel }, (_, row) => `${own[row % own.length]} number ${row},${label}`),
  );
  return folderWith({ 'metadata.csv': `text,label\n${rows.join('\n')}\n` });
}

it('starts a training from the names of labels, blends them with the examples, and shows what these add', async () => {
  const { tandem } = await open();
  await tandem.heads.zeroShot('topics', { labels: Object.keys(words) });
  const dataset = await texts(10);
  const { version, folder, startedFrom } = await tandem.train(dataset, {
    head: 'topics',
    startFrom: 'topics',
    lexical: 'off',
  });
  expect(version).toBe(2);
  expect(startedFrom?.head).toBe('topics@1');
  expect(startedFrom?.curve.map(({ perLabel }) => perLabel)).toEqual([0, 1, 4, 8]);
  const [first, ...others] = startedFrom!.curve;
  expect(first.plain).toBeUndefined();
  for (const { blend, plain } of others) expect(blend).toBeGreaterThanOrEqual(Math.min(first.blend, plain!));
  const manifest = parseHeadManifest(await readFile(path.join(folder, 'head.json'), 'utf8'), 'topics@2');
  expect(manifest.calibration?.prototypes?.text?.fused).toBeGreaterThanOrEqual(0);
  expect(manifest.metrics.fused.accuracy).toBeCloseTo(startedFrom!.curve.at(-1)!.blend, 6);
  const report = await readFile(path.join(folder, 'report.html'), 'utf8');
  expect(report).toContain('What did examples add to the names?');
  const { results } = await tandem.predict([{ text: 'a slice of cake' }], { head: 'topics@2' });
  expect(results).toMatchObject([{ labels: [{ label: 'cooking' }, {}, {}] }]);
});

it('answers as the names do where one example of each label is all that there is', async () => {
  const { data, tandem } = await open();
  await tandem.heads.zeroShot('topics', { labels: Object.keys(words) });
  const rows = Object.entries(words).flatMap(([label, own]) => [
    `${own[0]},${label},train`,
    ...own.slice(1).map((word) => `${word},${label},test`),
  ]);
  await writeFile(path.join(data, 'few.csv'), `text,label,split\n${rows.join('\n')}\n`);
  const { metrics, startedFrom } = await tandem.train(path.join(data, 'few.csv'), {
    head: 'few',
    startFrom: 'topics',
    lexical: 'off',
  });
  expect(startedFrom!.curve.map(({ perLabel, examples }) => [perLabel, examples])).toEqual([
    [0, 0],
    [1, 3],
  ]);
  expect(metrics.fused.accuracy).toBeGreaterThanOrEqual(startedFrom!.curve[0].blend - 0.05);
});

it('refuses to start from what was trained, for another target, or with a tuned encoder', async () => {
  const { tandem } = await open();
  const dataset = await texts(6);
  await tandem.heads.zeroShot('topics', { labels: Object.keys(words) });
  const train = (options: object) => tandem.train(dataset, { head: 'topics', search: false, ...options });
  await expect(train({ startFrom: 'emoji' })).rejects.toMatchObject({
    code: 'invalid-recipe',
    message: expect.stringContaining('not made of label names'),
  });
  await expect(train({ startFrom: 'topics', target: 'multi' })).rejects.toMatchObject({
    code: 'invalid-recipe',
    message: expect.stringContaining('for the target single, not multi'),
  });
  await expect(train({ startFrom: 'topics', tune: 'text:last-1' })).rejects.toMatchObject({
    code: 'invalid-recipe',
  });
  await expect(train({ startFrom: 'topics', textEncoder: 'efficientnet-lite0' })).rejects.toMatchObject({
    code: 'unknown-encoder',
  });
  await expect(train({ startFrom: 'nothing' })).rejects.toMatchObject({ code: 'unknown-head' });
});

it('trusts the examples where the names mislead, without a search as well', async () => {
  const { tandem } = await open();
  await tandem.heads.zeroShot('topics', { labels: ['cooking', 'sports'] });
  const misleading = { cooking: words.sports, sports: words.cooking };
  const rows = Object.entries(misleading).flatMap(([label, own]) =>
    Array.from({ length: 16 }, (_, row) => `${own[row % own.length]} number ${row},${label}`),
  );
  const dataset = await folderWith({ 'metadata.csv': `text,label\n${rows.join('\n')}\n` });
  const { metrics, startedFrom } = await tandem.train(dataset, {
    ...{ head: 'topics', startFrom: 'topics', lexical: 'off', search: false },
  });
  expect(startedFrom?.curve[0].blend).toBeLessThan(0.5);
  expect(startedFrom?.curve.at(-1)).toMatchObject({ blend: 1, plain: 1 });
  expect(metrics.fused.accuracy).toBe(1);
});
