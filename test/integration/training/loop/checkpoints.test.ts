import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../../../../src/runtime/engine.ts';
import { CheckpointFolder } from '../../../../src/training/loop/checkpoints.ts';
import { defaultRecipe, type Recipe } from '../../../../src/training/loop/recipe.ts';
import { trainHead } from '../../../../src/training/loop/trainer.ts';
import { syntheticTable } from '../../../unit/training/synthetic.ts';

const engine = Engine.start({ provider: 'cpu', threads: 1 });
let parent: string;
beforeAll(async () => {
  parent = await mkdtemp(path.join(tmpdir(), 'checkpoints-'));
});
afterAll(async () => {
  await engine.close();
  await rm(parent, { recursive: true });
});

const newFolder = () => mkdtemp(path.join(parent, 'of-'));
const table = syntheticTable({ rows: 203, classes: 4, dimensions: { image: 24, text: 16 } });
const recipe: Recipe = { ...defaultRecipe, hidden: 16, minimumSteps: 600 };

/** Trains until `stopAt` steps are taken, and tells which steps it reported. */
async function train(
  folder: string,
  options: { stopAt?: number; identity?: object; seed?: number; recipe?: Partial<Recipe> } = {},
) {
  const cancellation = new AbortController();
  const { stopAt = Number.POSITIVE_INFINITY, identity = {}, seed = 5 } = options;
  const reported: number[] = [];
  const notes: string[] = [];
  const checkpoints = new CheckpointFolder(folder, identity, {
    seconds: 0,
    onNote: (note) => notes.push(note),
  });
  const trained = await trainHead(engine, table, {
    classes: 4,
    recipe: { ...recipe, ...options.recipe },
    seed,
    checkpoint: checkpoints.stage('final'),
    signal: cancellation.signal,
    onProgress: ({ done }) => {
      reported.push(done);
      if (done >= stopAt) cancellation.abort();
    },
  }).catch((error) => {
    if (error.code !== 'job-cancelled') throw error;
    return undefined;
  });
  return { trained, first: reported[0], notes, checkpoints };
}

describe('a training with checkpoints', () => {
  it('goes on where it was stopped, to the same bytes and the same history', async () => {
    const folder = await newFolder();
    const { trained: whole } = await train(await newFolder());
    expect((await train(folder, { stopAt: 40 })).trained).toBeUndefined();
    expect((await train(folder, { stopAt: 250 })).first).toBeGreaterThan(40);
    const { trained, first } = await train(folder);
    expect(first).toBeGreaterThan(250);
    expect(trained).toEqual(whole);
  });

  it('runs no step again once it is done', async () => {
    const folder = await newFolder();
    const { trained: once } = await train(folder);
    const { trained, first, checkpoints } = await train(folder);
    expect(first).toBeUndefined();
    expect(trained).toEqual(once);
    await checkpoints.clear();
    await expect(readdir(folder)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('killed again and again, ends with the same bytes', async () => {
    const script = path.join(
      import.meta.dirname,
      '..',
      '..',
      '..',
      'unit',
      'training',
      'interruptible-training.ts',
    );
    /** Lets a process live until it has printed so many lines; its last line where it ended by itself. */
    const run = async (folder: string, lines: number): Promise<string | undefined> => {
      const child = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
      const exit = once(child, 'exit');
      let last = '';
      let seen = 0;
      for await (const line of createInterface({ input: child.stdout })) {
        last = line;
        if (++seen === lines) child.kill('SIGKILL');
      }
      const [code] = await exit;
      return code === 0 ? last : undefined;
    };
    const expected = await run(await newFolder(), Number.POSITIVE_INFINITY);
    expect(expected).toMatch(/^[0-9a-f]{64}$/);
    const folder = await newFolder();
    let kills = 0;
    let result: string | undefined;
    for (const lines of [2, 4, 3]) {
      result = await run(folder, lines);
      kills += Number(result === undefined);
    }
    expect(kills).toBeGreaterThan(1);
    expect(await run(folder, Number.POSITIVE_INFINITY)).toBe(expected);
  });

  it.each([
    ['another dataset', { identity: { dataset: 'other' } }],
    ['another seed', { seed: 6 }],
    ['another recipe', { recipe: { gamma: 2 } }],
  ])('starts anew, with a note, for %s', async (_, changes) => {
    const folder = await newFolder();
    await train(folder, { stopAt: 40 });
    const { notes, first, trained } = await train(folder, changes);
    expect(notes).toEqual([expect.stringMatching(/final\.checkpoint is not used: it is of another/)]);
    expect(first).toBeLessThan(40);
    expect(trained!.parameters).toEqual((await train(await newFolder(), changes)).trained!.parameters);
  });

  it.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
    ['changed', (bytes: Buffer) => bytes.fill(7, 500, 501)],
    ['empty', () => Buffer.alloc(0)],
  ])('starts anew, with a note, where the checkpoint is %s', async (_, damage) => {
    const folder = await newFolder();
    await train(folder, { stopAt: 40 });
    const file = path.join(folder, 'final.checkpoint');
    await writeFile(file, damage(await readFile(file)));
    const { notes, first } = await train(folder);
    expect(notes).toEqual([expect.stringMatching(/it is damaged/)]);
    expect(first).toBeLessThan(40);
  });
});
