import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parseHeadManifest } from '../../../src/heads/head.ts';

const shipped = fileURLToPath(new URL('../../../models/heads/emoji/1/head.json', import.meta.url));

it('reads the figures of a head that has each modality beside the fused ones', async () => {
  const text = await readFile(shipped, 'utf8');
  const { fused, image, text: ofText } = JSON.parse(text).metrics;
  expect(ofText.examples).toBeGreaterThan(0);
  const manifest = parseHeadManifest(text, 'head.json');
  expect(manifest.metrics).toEqual({ fused, unimodal: { image, text: ofText } });
  expect(parseHeadManifest(JSON.stringify(manifest), 'head.json')).toEqual(manifest);
});

it('rejects figures of a modality that does not exist', async () => {
  const manifest = JSON.parse(await readFile(shipped, 'utf8'));
  manifest.metrics.smell = manifest.metrics.fused;
  expect(() => parseHeadManifest(JSON.stringify(manifest), 'head.json')).toThrow('smell');
});
