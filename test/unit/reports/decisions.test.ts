import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/random.ts';
import {
  answerOf,
  decisionsOf,
  likelyDecisionErrors,
  wrongDecisions,
} from '../../../src/reports/decisions.ts';
import { writeReport } from '../../../src/reports/report.ts';
import { sampleReport } from './report-sample.ts';

const labels = ['big', 'red', 'wet'];
const columns = labels.length;

/** Examples that bear each label one time of three, which the head sees well; some labels were changed afterwards. */
function sample(flipped: [row: number, label: number][]) {
  const random = new Random(6, 'decisions test');
  const { manifest, history, test } = sampleReport({ examples: 120 });
  const values = new Float32Array(test.length * columns);
  const rows = test.map((example, row) => {
    const logits = labels.map((_, label) => {
      const isBorne = random.nextFloat() < 1 / 3;
      values[row * columns + label] = Number(isBorne);
      return (isBorne ? 3 : -3) + random.nextNormal();
    });
    const probabilities = Float64Array.from(logits, (logit) => 1 / (1 + Math.exp(-logit)));
    const dull = probabilities.map((p) => 0.5 + 0.3 * (p - 0.5));
    return {
      ...example,
      truth: { classes: labels.filter((_, label) => values[row * columns + label] === 1) },
      probabilities: { fused: probabilities, unimodal: { image: probabilities, text: dull } },
    };
  });
  for (const [row, label] of flipped) values[row * columns + label] = 1 - values[row * columns + label];
  const truth = { target: 'multi' as const, columns, values };
  return { manifest: { ...manifest, target: 'multi' as const, labels }, history, test: rows, truth };
}

const flipped: [number, number][] = [
  [3, 0],
  [11, 1],
  [24, 2],
  [40, 1],
  [58, 0],
  [77, 2],
  [90, 0],
  [111, 1],
];

describe('decisions of a head for several labels', () => {
  const { manifest, test, truth } = sample(flipped);
  const decisions = () => decisionsOf(manifest, test, truth);

  it('are one for each label of each example', () => {
    expect([...decisions()]).toHaveLength(test.length * columns);
    const right = [...decisions()].map(answerOf).filter(({ isRight }) => isRight).length;
    expect(right / (test.length * columns)).toBeGreaterThan(0.97);
  });

  it('are wrong, the surest first, where a label was changed', () => {
    const wrong = wrongDecisions(decisions());
    const places = wrong.map(({ example, label }) => [test.indexOf(example as (typeof test)[number]), label]);
    expect(places).toEqual(expect.arrayContaining(flipped));
    const surest = wrong.map(({ probability, isBorne }) => (isBorne ? 1 - probability : probability));
    expect(surest).toEqual(surest.toSorted((a, b) => b - a));
  });

  it('look mislabelled where a label was changed, and hardly elsewhere', () => {
    const found = likelyDecisionErrors(decisions).map(({ example, label }) => [
      test.indexOf(example as (typeof test)[number]),
      label,
    ]);
    expect(found.length).toBeLessThan(12);
    expect(
      found.filter(([row, label]) => flipped.some(([r, l]) => r === row && l === label)).length,
    ).toBeGreaterThan(2);
    const { manifest: clean, test: rows, truth } = sample([]);
    expect(likelyDecisionErrors(() => decisionsOf(clean, rows, truth)).length).toBeLessThan(5);
  });
});

it('shows reliability, mistakes, likely label errors and the modality of each label in the report', async () => {
  const file = path.join(tmpdir(), `decisions-${process.pid}.html`);
  await writeReport(file, sample(flipped));
  const page = await readFile(file, 'utf8');
  for (const part of [
    'Can its probabilities be taken at their word?',
    'Its most confident mistakes',
    'Are the labels right?',
    'perhaps also ',
    'Leans on',
    '<td>image</td>',
  ])
    expect(page).toContain(part);
  expect(page).not.toContain('NaN');
});
