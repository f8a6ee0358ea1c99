import { createWriteStream } from 'node:fs';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTandem, type Tandem } from '../../../src/index.ts';
import { hunters } from '../hunters.ts';
import { open } from './open-tandem.ts';

let folder: string;
let tandem: Tandem;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tandem-tune-'));
  tandem = await openTandem({ data: path.join(folder, 'data'), logLevel: 'silent', threads: 1 });
});
afterAll(async () => {
  await tandem?.close();
  await rm(folder, { recursive: true });
});

/** A table of texts with labels. */
async function table(name: string, labelOf: Parameters<typeof hunters>[0]): Promise<string> {
  const file = path.join(folder, `${name}.csv`);
  await writeFile(file, hunters(labelOf));
  return file;
}

async function train(file: string, options: Partial<Parameters<Tandem['train']>[1]>) {
  const notes: string[] = [];
  const summary = await tandem.train(file, {
    ...{ head: 'hunters', search: false, refit: false, onNote: (note) => void notes.push(note) },
    ...options,
  });
  return { summary, notes };
}

describe('who chases whom, which the mean of the tokens hardly tells', () => {
  let frozen: Awaited<ReturnType<typeof train>>;
  let tuned: Awaited<ReturnType<typeof train>>;
  beforeAll(async () => {
    const file = await table('hunters', (hunter) => hunter);
    frozen = await train(file, {});
    tuned = await train(file, { tune: 'text:last-2' });
  });

  it('is learnt by tuning the last blocks of the text encoder', () => {
    expect(tuned.notes.join()).toContain('Tuning pays');
    expect(tuned.summary).toMatchObject({ version: 2, tuning: { blocks: { text: 2 } } });
    const [before, after] = [frozen, tuned].map(({ summary }) => summary.metrics.fused);
    expect(after.negativeLogLikelihood).toBeLessThan(before.negativeLogLikelihood);
    expect(after.accuracy).toBeGreaterThanOrEqual(before.accuracy);
  });

  it('is answered by the tuned head and by one on the whole encoder side by side', async () => {
    const inputs = [{ text: 'the lion chases the duck' }, { text: 'the duck chases the lion' }];
    const both = await Promise.all(
      ['hunters@1', 'hunters@2'].map((head) => tandem.predict(inputs, { head, topK: 1 })),
    );
    expect(both[1].results).toMatchObject([{ labels: [{ label: 'lion' }] }, { labels: [{ label: 'duck' }] }]);
    expect(both[0].results).toMatchObject([{ labels: [{}] }, { labels: [{}] }]);
  });

  it('is one ONNX model with the trunk, which answers as the tuned head', async () => {
    const exported = await tandem.heads.exportOnnx('hunters@2', path.join(folder, 'hunters-onnx'));
    expect(exported).toMatchObject({ version: 2, inputs: ['input_ids', 'attention_mask'] });
    expect(exported.largestDifference).toBeLessThan(1e-5);
  });

  it('is answered alike in a batch and alone, whatever the lengths of the other texts', async () => {
    const text = 'the wolf chases the goat';
    const of = async (inputs: { text: string }[]) => {
      const { results } = await tandem.predict(inputs, { head: 'hunters@2', topK: 1 });
      const [first] = results;
      return 'labels' in first ? first.labels[0].probability : Number.NaN;
    };
    const alone = await of([{ text }]);
    expect(await of([{ text }, { text: 'a' }, { text: 'wolf '.repeat(40) }])).toBeCloseTo(alone, 5);
  });

  it('is measured on a data set as it was on the test split', async () => {
    const evaluation = await tandem.evaluate(path.join(folder, 'hunters.csv'), {
      head: 'hunters@2',
      split: 'test',
    });
    expect(evaluation.metrics.fused.accuracy).toBe(tuned.summary.metrics.fused.accuracy);
  });

  it('is explained by the words that matter', async () => {
    const { results } = await tandem.predict([{ text: 'the fox chases the bear' }], {
      head: 'hunters@2',
      explain: { label: 'fox' },
    });
    expect(results).toMatchObject([{ explanation: { label: 'fox' } }]);
  });

  it('is compared with the training rows that are nearest to its own blocks', async () => {
    const { results } = await tandem.predict([{ text: 'the fox chases the bear' }], {
      ...{ head: 'hunters@2', explain: true },
    });
    const { nearest } = (results[0] as { explanation: { nearest: { truth: unknown; similarity: number }[] } })
      .explanation;
    expect(nearest).toHaveLength(5);
    expect(nearest[0]).toMatchObject({ truth: { class: 'fox' } });
    expect(nearest[0]?.similarity).toBeGreaterThan(0.9);
  });

  it('embeds as the encoder that was tuned, and as the whole one where another head is named', async () => {
    const input = 'the lion chases the duck';
    const embed = async (encoder?: string) => {
      const [first] = await tandem.embed([{ modality: 'text', input, encoder }]);
      return first?.features ?? new Float32Array();
    };
    const [own, whole, frozen] = [await embed('hunters@2'), await embed(), await embed('hunters@1')];
    expect(own).toHaveLength(384);
    expect(frozen).toEqual(whole);
    expect(own).not.toEqual(whole);
  });

  it('never answers for a head, a version or a trunk that is not there', async () => {
    const inputs = [{ text: 'the lion chases the duck' }];
    for (const head of ['hunters@9', 'hunters@production', 'hunter'])
      await expect(tandem.predict(inputs, { head })).rejects.toMatchObject({ code: 'unknown-head' });
    const embed = (encoder: string) => tandem.embed([{ modality: 'text', input: 'a', encoder }]);
    await expect(embed('hunters@9')).rejects.toMatchObject({ code: 'unknown-head' });
    await expect(embed('hunters')).rejects.toMatchObject({ code: 'unknown-encoder' });
    const trunk = (await tandem.encoders.list()).encoders.find(({ id }) => id.includes('trunk'))?.id ?? '';
    await expect(embed(trunk)).rejects.toMatchObject({ fix: expect.stringContaining('pets@3') });
    await expect(
      tandem.embed([{ modality: 'image', input: Buffer.from(''), encoder: 'hunters@2' }]),
    ).rejects.toThrow('hunters@2 takes no image');
  });

  it('is answered elsewhere, where the trunk is cut off the same encoder anew', async () => {
    const file = path.join(folder, 'hunters.tar');
    await pipeline((await tandem.heads.export('hunters@2')).content, createWriteStream(file));
    const { tandem: other, data } = await open({ threads: 1 });
    await other.heads.import(file);
    const input = { text: 'the horse chases the cat' };
    const [here, there] = await Promise.all([
      tandem.predict([input], { head: 'hunters@2' }),
      other.predict([input], { head: 'hunters' }),
    ]);
    expect(there.results[0]).toMatchObject({
      labels: 'labels' in here.results[0] ? here.results[0].labels : [],
    });
    expect(await readdir(path.join(data, 'encoders'))).toHaveLength(1);
  });
});

it('keeps the pretrained encoder where tuning makes held-out truth no likelier', async () => {
  const { summary, notes } = await train(await table('chance', (_, row) => `label ${(row * 7) % 3}`), {
    head: 'chance',
    tune: 'text:last-1',
  });
  expect(notes.join()).toMatch(
    /Tuning does not pay \(held-out loss .* the head keeps the pretrained encoder/,
  );
  expect(summary.tuning).toBeUndefined();
  const manifest = JSON.parse(await readFile(path.join(summary.folder, 'head.json'), 'utf8'));
  expect(manifest.encoders[0].trunkOf).toBeUndefined();
});

it('notices a text unlike any that it was trained on, by what its own blocks make of it', async () => {
  const [head = '', ...rows] = hunters((hunter) => hunter)
    .trimEnd()
    .split('\n');
  const file = path.join(folder, 'more.csv');
  await writeFile(file, [head, ...rows, ...rows.map((row) => `today ${row}`)].join('\n'));
  const { summary } = await train(file, { head: 'more', tune: 'text:last-2', acceptAccuracy: 0.5 });
  const { encoders, novelty } = JSON.parse(await readFile(path.join(summary.folder, 'head.json'), 'utf8'));
  expect(encoders).toMatchObject([{ embeddingDimension: 384 }]);
  expect(novelty).toMatchObject({ limits: { text: [expect.any(Number)] } });
  const unlike = { reason: 'unlike-training', modality: 'text' };
  const reasonsOf = async (texts: string[]) => {
    const { results } = await tandem.predict(
      texts.map((text) => ({ text })),
      { head: 'more' },
    );
    return results.map((result) => ('reasons' in result ? result.reasons : undefined));
  };
  expect(await reasonsOf(['Q3 revenue: 4 % up, margin 12.1 %, EUR 311 m'])).toEqual([
    expect.arrayContaining([unlike]),
  ]);
  const known = await reasonsOf(rows.map((row) => row.slice(0, row.lastIndexOf(','))));
  const alarms = known.filter((reasons) => reasons?.some(({ reason }) => reason === unlike.reason));
  expect(alarms.length).toBeLessThan(known.length / 8);
});

it('says how many blocks there are where more are to be tuned', async () => {
  const file = await table('many', (hunter) => hunter);
  await expect(train(file, { head: 'many', tune: 'text:last-7' })).rejects.toThrow(/has 6 blocks, not 7/);
  await expect(train(file, { head: 'many', tune: 'image:last-1' })).rejects.toThrow(
    'no example has an image',
  );
});

it('says what to change where a batch does not fit the memory given, before anything is encoded', async () => {
  const file = await table('large', (hunter) => hunter);
  const memory = 120;
  await expect(train(file, { head: 'large', tune: 'text:last-1', memory })).rejects.toMatchObject({
    code: 'invalid-recipe',
    message: expect.stringMatching(/batches of 32 take up to \d+ MiB of memory, and there are 120/),
    fix: expect.stringMatching(/Tune fewer blocks.*--batch-size.*--memory \d+/),
  });
  await expect(train(file, { head: 'large', memory })).rejects.toThrow('memory: only a tuning takes it');
});

it('a job tunes as well, and the server answers with the head that it makes', async () => {
  const file = await table('jobs', (hunter) => hunter);
  // The job takes the file away.
  const upload = path.join(folder, 'upload.csv');
  await copyFile(file, upload);
  const { id } = await tandem.jobs.submit({
    work: { head: 'by-job', seed: 0, search: false, refit: false, tune: 'text:last-2', accumulate: 2 },
    source: { file: upload, fileName: 'jobs.csv' },
  });
  const state = async () => (await tandem.jobs.get(id)).state;
  await expect.poll(state, { interval: 500 }).not.toMatch(/queued|running/);
  const job = await tandem.jobs.get(id);
  expect(job.error).toBeUndefined();
  expect(job).toMatchObject({ state: 'succeeded', result: { tuning: { blocks: { text: 2 } } } });
  expect(job.notes?.join()).toMatch(/Tuning takes up to \d+ MiB of memory \(batches of \d+ in \d+ parts\)/);
  const { results } = await tandem.predict([{ text: 'the lion chases the duck' }], {
    head: 'by-job',
    topK: 1,
  });
  expect(results).toMatchObject([{ labels: [{ label: 'lion' }] }]);
});
