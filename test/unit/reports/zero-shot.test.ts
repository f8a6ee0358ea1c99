import { expect, it } from 'vitest';
import { reportPage } from '../../../src/reports/page.ts';
import { zeroShotPage } from '../../../src/reports/zero-shot-page.ts';
import { sampleReport } from './report-sample.ts';

const zeroShot = {
  templates: ['a photo of a <b>{}</b>'],
  textEncoder: { id: 'clip', fingerprint: 'f00d' },
  logitScale: 100,
  logitBias: 0,
};

it('says what a head of label names was made of, and shows nobody’s markup', () => {
  const { manifest } = sampleReport();
  const page = zeroShotPage({ ...manifest, labels: ['cat', '<i>dog</i>'], zeroShot });
  expect(page).toContain('Made of the names of 2 labels');
  expect(page).toContain('a photo of a &lt;b>{}&lt;/b>');
  expect(page).toContain('&lt;i>dog&lt;/i>');
  expect(page).toContain(`--start-from ${manifest.name}@${manifest.version}`);
});

it('shows what examples added to the names that a training started from, with intervals', async () => {
  const input = sampleReport();
  const { manifest } = input;
  const curve = [
    { perLabel: 0, examples: 0, blend: 0.5 },
    { perLabel: 1, examples: 2, blend: 0.6, plain: 0.25 },
    { perLabel: 40, examples: 80, blend: 0.9, plain: 0.875 },
  ];
  const training = {
    ...manifest.training,
    examples: { training: 80, test: 40 },
    startedFrom: { head: 'animals@1', curve },
  };
  const page = await reportPage({ ...input, manifest: { ...manifest, training } });
  expect(page).toContain('What did examples add to the names?');
  expect(page).toMatch(/<bdi>animals@1<\/bdi>/);
  for (const figure of [
    '50.0\u00a0% (35.2\u00a0% to 64.8\u00a0%)',
    '25.0\u00a0%',
    '90.0\u00a0%',
    '87.5\u00a0%',
  ])
    expect(page).toContain(figure);
  expect(await reportPage(input)).not.toContain('What did examples add');
});
