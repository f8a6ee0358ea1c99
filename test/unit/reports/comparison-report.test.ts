import { expect, it } from 'vitest';
import { evaluations } from '../../../src/evaluation/targets.ts';
import { comparisonPage } from '../../../src/reports/comparison-page.ts';
import type { Comparison, ContenderResult } from '../../../src/training/comparison.ts';
import { contenders } from '../../../src/training/contenders.ts';

const seeds = [0, 1, 2];
const figures = evaluations.single.titles.map(({ name }) => name);

function result(contender: ContenderResult['contender'], accuracy: number): ContenderResult {
  const spread = Object.fromEntries(
    figures.map((figure) => [
      figure,
      { mean: accuracy, standardDeviation: 0.01, bySeed: seeds.map((seed) => accuracy + seed / 100) },
    ]),
  );
  return { contender, fused: spread, unimodal: contender === 'image' ? {} : { text: spread } };
}

function comparison(mean: number, margin: number): Comparison {
  const difference = { mean, margin, isDifferent: Math.abs(mean) > margin };
  const others = contenders.filter((contender) => contender !== 'arl');
  return {
    dataset: 'pets & <b>more</b>',
    examples: { training: 1200, test: 300 },
    labels: 8,
    target: 'single',
    seeds,
    split: 'drawn',
    results: contenders.map((contender, place) => result(contender, 0.9 - place / 50)),
    differences: others.map((against) => ({
      against,
      figures: Object.fromEntries(figures.map((figure) => [figure, difference])),
    })),
    verdict: { against: 'uniform', difference },
  };
}

it.each([
  [0.03, 0.01, 'ARL is better than <strong>uniform</strong>', '2.0\u00a0% to 4.0\u00a0%'],
  [-0.03, 0.01, 'ARL is worse than <strong>uniform</strong>', '-4.0\u00a0% to -2.0\u00a0%'],
  [
    0.01,
    0.02,
    'There is no difference between ARL and <strong>uniform</strong>',
    '-1.0\u00a0% to 3.0\u00a0%',
  ],
])('says what a difference of %f ± %f means', (mean, margin, words, range) => {
  const html = comparisonPage(comparison(mean, margin));
  expect(html).toContain(words);
  expect(html).toContain(range);
});

it('says where the interval covers seeds only', () => {
  const drawn = comparison(0.03, 0.01);
  expect(comparisonPage(drawn)).not.toContain('seeds only');
  const html = comparisonPage({ ...drawn, split: 'marked' });
  expect(html).toContain('covers seeds only');
  expect(html).toContain('on the dataset’s own split');
});

it('draws every strategy on every split', () => {
  const html = comparisonPage(comparison(0, 0.1));
  expect(html.match(/class="dot"/g)).toHaveLength(contenders.length * seeds.length);
  for (const contender of contenders) expect(html).toContain(`>${contender}</th>`);
  expect(html).not.toContain('NaN');
});

it('needs nothing but itself and shows names as text', () => {
  const html = comparisonPage(comparison(0, 0.1));
  expect(html).not.toMatch(/https?:|<script|<link|<b>|url\(/i);
  expect(html).toContain('pets &amp; &lt;b>more');
});

it('says that one modality leaves nothing to balance', () => {
  const { results, ...rest } = comparison(0, 0.1);
  const html = comparisonPage({
    ...rest,
    results: results.filter(({ contender }) => contender === 'text'),
    verdict: undefined,
    differences: undefined,
  });
  expect(html).toContain('nothing to balance');
});
