import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parseHeadManifest } from '../../../src/heads/head.ts';

const shipped = fileURLToPath(new URL('../../../models/heads/emoji/1/head.json', import.meta.url));

/** The head that ships with the program, its figures as earlier releases wrote them. */
async function earlierManifest() {
  const manifest = JSON.parse(await readFile(shipped, 'utf8'));
  const { fused, unimodal } = manifest.metrics;
  return { manifest, earlier: { ...manifest, metrics: { fused, ...unimodal } } };
}

it('reads the figures of a head that has each modality beside the fused ones', async () => {
  const { manifest, earlier } = await earlierManifest();
  expect(manifest.metrics.unimodal.text.examples).toBeGreaterThan(0);
  const read = parseHeadManifest(JSON.stringify(earlier), 'head.json');
  expect(read.metrics).toEqual(manifest.metrics);
  expect(parseHeadManifest(JSON.stringify(read), 'head.json')).toEqual(read);
});

it('rejects figures of a modality that does not exist', async () => {
  const { earlier } = await earlierManifest();
  earlier.metrics.smell = earlier.metrics.fused;
  expect(() => parseHeadManifest(JSON.stringify(earlier), 'head.json')).toThrow('smell');
});
