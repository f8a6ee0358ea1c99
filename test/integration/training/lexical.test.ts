import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import type { Tandem } from '../../../src/app/tandem.ts';
import type { TrainOptions } from '../../../src/app/training.ts';
import { TandemError } from '../../../src/errors.ts';
import { folderWith, temporaryFolder } from '../../unit/datasets/sample.ts';
import { open } from '../app/open-tandem.ts';

/** Letters that the text encoder knows none of: every word of them is the same to it. */
const script = 'ᎠᎡᎢᎣᎤᎥᎦᎧᎨᎩᎪᎫᎬᎭᎮᎯᎰᎱᎲᎳᎴᎵᎶᎷᎸᎹᎺᎻᎼᎽ';
const letter = (index: number) => script[index % script.length];
const words = {
  food: [0, 3, 6].map((start) => `${letter(start)}${letter(start + 1)}${letter(start + 2)}`),
  tool: [12, 15, 18].map((start) => `${letter(start)}${letter(start + 1)}${letter(start + 2)}`),
};
const textOf = (row: number) => {
  const word = words[row % 2 ? 'food' : 'tool'][row % 3];
  return `${letter(7 * row)}${letter(row + 5)} ${word} ${letter(11 * row + 3)}${letter(row)}`;
};

function dataset(text = textOf): Promise<string> {
  const rows = Array.from({ length: 80 }, (_, row) => `${text(row)},${row % 2 ? 'food' : 'tool'}`);
  return folderWith({ 'metadata.csv': ['text,label', ...rows].join('\n') });
}

/** Words of which each comes once: nothing but their meaning tells what they are. */
function knownThings(): string[] {
  const foods =
    'pizza bread soup cheese apple rice noodles salad honey butter banana carrot potato egg steak sausage yoghurt jam biscuit cake';
  const tools =
    'hammer saw drill pliers wrench chisel shovel axe screwdriver vice ladder rake spade clamp anvil mallet crowbar sander lathe tongs';
  return [
    ...foods.split(' ').map((word) => `${word},food`),
    ...tools.split(' ').map((word) => `${word},tool`),
  ];
}

async function train(tandem: Tandem, folder: string, options: Partial<TrainOptions> = {}) {
  const summary = await tandem.train(folder, { head: 'things', ...options });
  const read = (file: string) => readFile(path.join(summary.folder, file));
  return {
    summary,
    manifest: JSON.parse((await read('head.json')).toString()),
    weights: await read('head.onnx'),
    companion: await read('text.companion.bin').catch(() => undefined),
    report: (await read('report.html')).toString(),
  };
}

/** Of the likeliest label of each item. */
async function probabilitiesOf(tandem: Tandem, asked: { text: string }[]): Promise<number[]> {
  const { results } = await tandem.predict(asked, { head: 'things' });
  return results.map((result) => {
    if (result instanceof TandemError) throw result;
    return result.labels[0]?.probability ?? Number.NaN;
  });
}

it('reads the characters of texts where that pays, and says so', async () => {
  const { tandem } = await open();
  const { manifest, summary, companion, report } = await train(tandem, await dataset());
  expect(manifest.training.recipe.lexical).toBe('on');
  expect(manifest.encoders[0].companion).toMatchObject({ id: 'lexical' });
  expect(companion).toBeDefined();
  expect(summary.metrics.fused.accuracy).toBeGreaterThan(0.9);
  expect(report).toContain('Beside the encoder of the text');
  const { encoders } = await tandem.heads.get('things');
  expect(encoders[0]?.companion).toEqual(manifest.encoders[0].companion);
});

it('leaves them out where the encoder says as much, or where it is told to', async () => {
  const { tandem } = await open();
  const folder = await folderWith({ 'metadata.csv': ['text,label', ...knownThings()].join('\n') });
  for (const left of [
    await train(tandem, folder),
    await train(tandem, await dataset(), { search: false, lexical: 'off' }),
    await train(tandem, await dataset(), { search: false }),
  ]) {
    expect(left.manifest.training.recipe.lexical).toBe('off');
    expect(left.manifest.encoders[0].companion).toBeUndefined();
    expect(left.companion).toBeUndefined();
  }
});

it('answers alike wherever a head is asked: in place, measured again, from a table, from its package', async () => {
  const { tandem } = await open();
  const folder = await dataset();
  const options = { search: false, refit: false, lexical: 'on' } as const;
  const { manifest } = await train(tandem, folder, options);
  const measured = await tandem.evaluate(folder, { head: 'things', split: 'test' });
  for (const [name, value] of Object.entries(manifest.metrics.fused))
    expect(measured.metrics.fused[name], name).toBeCloseTo(value as number, 6);

  const asked = Array.from({ length: 6 }, (_, index) => ({ text: textOf(100 + index) }));
  const probabilities = await probabilitiesOf(tandem, asked);

  const into = await temporaryFolder();
  const table = path.join(into, 'asked.csv');
  await writeFile(table, ['text', ...asked.map(({ text }) => text)].join('\n'));
  const out = path.join(into, 'scored.jsonl');
  await tandem.score(table, { head: 'things', out });
  const scored = (await readFile(out, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  for (const [index, row] of scored.entries())
    expect(row.probability, `row ${index}`).toBeCloseTo(probabilities[index] ?? Number.NaN, 4);

  const file = path.join(into, 'things.tar');
  await writeFile(file, await buffer((await tandem.heads.export('things')).content));
  const { tandem: other } = await open();
  await other.heads.import(file);
  for (const [index, probability] of (await probabilitiesOf(other, asked)).entries())
    expect(probability, `item ${index}`).toBeCloseTo(probabilities[index] ?? Number.NaN, 5);
});

it('gives the same bytes again, and after an interruption', async () => {
  const { tandem } = await open();
  const folder = await dataset();
  const options = { lexical: 'on' } as const;
  const whole = await train(tandem, folder, options);
  const checkpoints = await temporaryFolder();
  const interruption = new AbortController();
  const interrupted = train(tandem, folder, {
    ...{ ...options, checkpoints, signal: interruption.signal },
    onProgress: ({ stage, done }) => {
      if (stage === 'training' && done > 0) interruption.abort();
    },
  });
  await expect(interrupted).rejects.toMatchObject({ code: 'job-cancelled' });
  const resumed = await train(tandem, folder, { ...options, checkpoints });
  expect(resumed.weights.equals(whole.weights)).toBe(true);
  expect(resumed.companion).toEqual(whole.companion);
});

it('explains an answer by the words that it rests on, their characters included', async () => {
  const { tandem } = await open();
  await train(tandem, await dataset(), { search: false, lexical: 'on' });
  const item = { text: `${letter(2)}${letter(25)} ${words.food[1]}` };
  const { results } = await tandem.predict([item], { head: 'things', explain: { label: 'food' } });
  const [answered] = results;
  if (!answered || answered instanceof TandemError) throw answered;
  const { explanation } = answered;
  const [strongest] = (explanation?.modalities.text?.parts ?? []).toSorted((a, b) => b.effect - a.effect);
  expect(strongest).toMatchObject({ text: words.food[1] });
});

it('refuses to read characters where there are none, or no room beside the others', async () => {
  const { tandem } = await open();
  const refused = train(tandem, await dataset(), { lexical: 'on', fusion: 'bilinear' });
  await expect(refused).rejects.toMatchObject({ code: 'invalid-recipe' });
});
