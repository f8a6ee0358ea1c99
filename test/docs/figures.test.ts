import { readFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { describeSource, figures } from '../../scripts/figure-list.ts';
import { parseHeadManifest } from '../../src/heads/head.ts';
import { readPage, repositoryFiles, root } from './page.ts';

const read = (name: string) => readFile(path.join(root, name));

describe.each(figures)('$file', ({ file, subject }) => {
  it('shows what is committed: else run npm run figures', async () => {
    const { exif } = await sharp(await read(file)).metadata();
    expect(exif?.toString('latin1')).toContain(await describeSource(root, subject));
  });

  it('is smaller than 200 kB', async () => {
    expect((await read(file)).length).toBeLessThan(200_000);
  });
});

it('has no image in docs that npm run figures does not make', async () => {
  const images = (await repositoryFiles()).filter((file) => /^docs\/.*\.(png|jpe?g|svg|webp)$/.test(file));
  expect(images.toSorted()).toEqual(figures.map(({ file }) => file).toSorted());
});

it('says of the ready head in the README what its manifest says', async () => {
  const manifest = await readFile(path.join(root, 'models/heads/emoji/1/head.json'), 'utf8');
  const { metrics, training } = parseHeadManifest(manifest, 'emoji@1');
  const row = (await readPage('README.md')).text.split('\n').find((line) => line.includes('ready head:'));
  for (const figures of [metrics.fused, ...Object.values(metrics.unimodal)])
    expect(row).toContain(`${(100 * figures.accuracy!).toFixed(1)} %`);
  expect(row).toContain(`${training.examples.training.toLocaleString('en')} examples`);
  expect(row).toContain(`${training.examples.test}`);
});
