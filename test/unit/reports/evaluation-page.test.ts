import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse } from 'csv-parse/sync';
import { expect, it, onTestFinished } from 'vitest';
import { evaluationPage } from '../../../src/reports/page.ts';
import { writePredictions } from '../../../src/reports/prediction-rows.ts';
import { sampleReport } from './report-sample.ts';

it('tells of answers to another dataset in the sections of a training report that apply', async () => {
  const { history: _, nearDuplicates: __, ...answers } = sampleReport({ examples: 40 });
  const trainedOn = answers.test.map((_, index) => index < 3);
  const page = await evaluationPage({ ...answers, trainedOn, evaluated: 'photos-of-june' });
  const titles = [...page.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, title]) => title);
  expect(titles).toEqual([
    'Is it good?',
    'Where does it fail?',
    'Are the labels right?',
    'Are the test examples new?',
    'Examples',
  ]);
  expect(page).toContain('photos-of-june');
  expect(page).toContain('No: the head learned from 3 of the 40 examples, which flatters it.');
  expect(page).not.toContain('which the measured head never saw');
  expect(page).not.toContain('to train on');
});

it('writes every answer beside what is true, and whether it is right', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'predictions-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'predictions.csv');
  const { history: _, ...answers } = sampleReport({ examples: 40, flipped: [0, 5] });
  await writePredictions(file, answers);
  const rows: Record<string, string>[] = parse(await readFile(file), { columns: true });
  expect(rows.map(({ row }) => Number(row))).toEqual(answers.test.map(({ row }) => row));
  expect(Object.keys(rows[0]!)).toEqual([
    ...['row', 'true_label', 'predicted_label', 'probability', 'head', 'correct'],
  ]);
  for (const { true_label, predicted_label, correct } of rows)
    expect(correct).toBe(String(true_label === predicted_label));
  expect(rows[0]!.correct).toBe('false');
  expect(rows.filter(({ correct }) => correct === 'true').length).toBeGreaterThan(20);
});
