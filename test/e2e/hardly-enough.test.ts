import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main, runCommand, runForJson } from './server.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hardly-enough-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A dataset of texts, each with its label. */
async function texts(name: string, rows: [text: string, label: unknown][]): Promise<string> {
  const dataset = path.join(folder, name);
  await mkdir(dataset);
  const lines = rows.map(([text, label]) => JSON.stringify({ text, label }));
  await writeFile(path.join(dataset, 'metadata.jsonl'), lines.join('\n'));
  return dataset;
}

const run = (...args: string[]) => runForJson(path.join(folder, 'data'), ...args);

const words = ['red house', 'blue boat', 'green tree', 'old road', 'small bird', 'white snow'];
const item = (index: number) => `${words[index % words.length]} number ${index}`;

describe('a dataset that cross-validation can hold nothing out of', () => {
  it.each([
    ['four examples', 4, 2],
    ['one example of each label on the training side', 60, 30],
  ])('trains by the default recipe: %s', async (name, rows, labels) => {
    const dataset = await texts(
      name,
      Array.from({ length: rows }, (_, row) => [item(row), `label ${row % labels}`]),
    );
    const trained = await run('train', dataset, '--head', 'scarce');
    expect(trained.code, trained.stderr).toBe(0);
    expect(trained.stderr).toMatch(/Too few examples \(\d+\) to cross-validate/);
    const { value } = await run('heads', 'list');
    expect(value.heads.map((head: { name: string }) => head.name)).toContain('scarce');
  });
});

describe('numbers', () => {
  it('are not learnt from examples that all have the same one', async () => {
    const same = await texts('same numbers', [
      [item(0), '5'],
      [item(1), '5.0'],
      [item(2), '5'],
    ]);
    const { code, value } = await run('train', same, '--head', 'same', '--target', 'regression');
    expect(code).toBe(1);
    expect(value.error.items[0].detail).toContain('the same number, "5"');

    const rows = Array.from({ length: 8 }, (_, row) => ({
      text: item(row),
      label: row < 6 ? 5 : 6,
      split: row < 6 ? 'train' : 'test',
    }));
    await writeFile(path.join(same, 'metadata.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
    const split = await run('train', same, '--head', 'same', '--target', 'regression');
    expect(split.value.error.detail).toContain('6 examples to train on, all with the number 5');
  });

  it.each([
    ['too large', (row: number) => (row === 7 ? 1e308 : row), 'metadata.jsonl row 7', 'larger than 1e15'],
    ['far from zero', (row: number) => 1_700_000_000 + row, 'far from zero', 'subtract 1700000001'],
    ['of no size', (row: number) => row * 1e-320, 'of no size', 'in another unit'],
  ])('that single precision cannot say are refused: %s', async (name, numberOf, at, fix) => {
    const dataset = await texts(
      name,
      Array.from({ length: 30 }, (_, row) => [item(row), numberOf(row + 1)]),
    );
    const { code, value } = await run('train', dataset, '--head', 'refused', '--target', 'regression');
    expect(code).toBe(1);
    expect(value.error.items).toHaveLength(1);
    expect(value.error.items[0].at).toBe(at);
    expect(value.error.items[0].detail).toContain(fix);
  });
});

describe('several labels', () => {
  it('are counted each by itself, and numbers by their range', async () => {
    const rows = ['a|b', 'b', '', 'a'].flatMap((label, kind) =>
      Array.from({ length: 6 }, (_, row): [string, string] => [item(6 * kind + row), label]),
    );
    const several = await run('datasets', 'check', await texts('counted', rows), '--target', 'multi');
    expect(several.value.counts.labels).toEqual([
      { label: 'a', examples: 12 },
      { label: 'b', examples: 12 },
    ]);
    const prices = await texts(
      'ranged',
      Array.from({ length: 20 }, (_, row) => [item(row), 2 * row]),
    );
    const numbers = await run('datasets', 'check', prices, '--target', 'regression');
    expect(numbers.value.counts).toMatchObject({
      labels: [],
      numbers: { least: 0, most: 38, mean: 19, distinct: 20 },
    });
  });

  it('are refused where one is marked for testing alone', async () => {
    const dataset = path.join(folder, 'untaught');
    await mkdir(dataset);
    const rows = Array.from({ length: 24 }, (_, row) => ({
      text: item(row),
      label: row < 16 ? ['cat', 'cat|dog'][row % 2] : 'zebra|dog',
      split: row < 16 ? 'train' : 'test',
    }));
    await writeFile(path.join(dataset, 'metadata.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
    const { value } = await run('train', dataset, '--head', 'untaught', '--target', 'multi');
    expect(value.error.items).toEqual([
      { at: 'label "zebra"', detail: expect.stringContaining('none to learn from') },
    ]);
  });
});

it('measures a head on examples of one label, and on a single one', async () => {
  const dataset = await texts(
    'animals',
    Array.from({ length: 24 }, (_, row) => [item(row), `label ${row % 2}`]),
  );
  expect((await run('train', dataset, '--head', 'animals', '--no-search')).code).toBe(0);
  const one = await texts('one', [[item(0), 'label 0']]);
  const { code, value } = await run('evaluate', one, '--head', 'animals');
  expect(code).toBe(0);
  expect(value.metrics.fused.examples).toBe(1);
  const compared = await run('heads', 'compare', 'animals', 'animals', '--dataset', one);
  expect(compared.code, compared.stderr).toBe(0);
});

describe('examples that lack their image or their text', () => {
  let mixed: string;
  beforeAll(async () => {
    mixed = path.join(folder, 'mixed');
    await mkdir(mixed);
    const rows = await Promise.all(
      Array.from({ length: 40 }, async (_, row) => {
        const label = row % 2 === 0 ? 'warm' : 'cold';
        const image = `${row}.png`;
        const text = row === 6 || row === 21 ? undefined : `${label} story number ${row}`;
        if (row === 4 || row === 13) return { text, label };
        const background = { r: row % 2 === 0 ? 200 : 40, g: 40 + row, b: row % 2 === 0 ? 40 : 200 };
        await sharp({ create: { width: 32, height: 32, channels: 3, background } })
          .png()
          .toFile(path.join(mixed, image));
        return { file_name: image, text, label };
      }),
    );
    await writeFile(path.join(mixed, 'metadata.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  });

  it('are answered by every strategy in a comparison, by how often each label is where nothing is known', async () => {
    const { code, value, stderr } = await run('compare', mixed, '--seeds', '2');
    expect(code, stderr).toBe(0);
    const names = value.results.map(({ contender }: { contender: string }) => contender);
    expect(names).toEqual(expect.arrayContaining(['arl', 'image', 'text']));
  });

  it('are left out where a head is to know the other alone', async () => {
    const { code, value, stderr } = await run(
      'train',
      mixed,
      '--head',
      'images',
      '--strategy',
      'image',
      '--no-search',
    );
    expect(code, stderr).toBe(0);
    expect(value.examples.training + value.examples.test).toBe(38);
    expect(Object.keys(value.metrics.unimodal)).toEqual(['image']);
  });
});

it('says before a training what it noticed about the dataset', async () => {
  const dataset = await texts(
    'contradicting',
    Array.from({ length: 24 }, (_, row) => [item(row % 20), `label ${row % 3}`]),
  );
  const { stderr } = await run('train', dataset, '--head', 'contradicting', '--no-search');
  expect(stderr).toContain('with the same content but different labels');
});

it('says how labels were read that may be meant otherwise', async () => {
  const noted = await texts(
    'odd labels',
    Array.from({ length: 24 }, (_, row) => [item(row), ['Cat', 'cat', 'cat|dog'][row % 3]]),
  );
  const { stderr } = await run('train', noted, '--head', 'odd', '--no-search');
  expect(stderr).toContain('"Cat" and "cat" differ only in how they are written');
  expect(stderr).toContain('"cat|dog" is taken as one; to learn several of an example, add --target multi');
  const numbers = await texts(
    'prices',
    Array.from({ length: 24 }, (_, row) => [item(row), row / 2]),
  );
  const { value } = await run('train', numbers, '--head', 'prices');
  expect(JSON.stringify(value.error.items)).toContain('add --target regression');
});

it('says how an archive is brought', async () => {
  const file = path.join(folder, 'photos.zip');
  await writeFile(file, '');
  expect((await run('train', file, '--head', 'odd')).value.error.detail).toContain(`datasets import ${file}`);
});

describe('a command that is typed wrongly', () => {
  it.each([
    [['train'], "required option '--head <name>' not specified"],
    [['train', 'x', '--head', 'a', '--seed', 'b'], 'whole number'],
    [['nothing'], "unknown command 'nothing'"],
  ])('answers a machine with one JSON object: %j', async (args, detail) => {
    const { code, value, stderr } = await run(...(args as string[]));
    expect(code).toBe(1);
    expect(value.error).toMatchObject({ code: 'usage', detail: expect.stringContaining(detail as string) });
    expect(stderr).toBe('');
  });

  it('is told before any work that a head cannot be called so', async () => {
    const { value } = await run('train', 'nowhere', '--head', 'Bad/Name');
    expect(value.error.detail).toContain('"Bad/Name" is no name for a head');
  });

  it('is told which encoders there are', async () => {
    const dataset = await texts('encoders', [
      [item(0), 'a'],
      [item(1), 'a'],
      [item(2), 'b'],
      [item(3), 'b'],
    ]);
    const { value } = await run('train', dataset, '--head', 'a', '--image-encoder', 'nope');
    expect(value.error).toMatchObject({ code: 'unknown-encoder' });
    expect(value.error.detail).toMatch(/there are: efficientnet-lite0, efficientnet-lite0-whole$/);
  });
});

describe('rows that cannot be used', () => {
  const rows = Array.from({ length: 30 }, (_, row): [string, unknown] => [
    row % 5 === 4 ? '' : item(row),
    `label ${row % 3}`,
  ]);

  it('stop a training, a line for those of a kind, and are left out by --skip-bad-rows', async () => {
    const dataset = await texts('bad rows', rows);
    const train = [
      'train',
      dataset,
      '--head',
      'skipping',
      '--no-search',
      '--data',
      path.join(folder, 'data'),
    ];
    const refused = await runCommand(...train);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(
      '6 rows: neither an image nor a text; the first is metadata.jsonl row 5',
    );
    expect(refused.stderr).toContain('(6 problems; --all-problems lists each)');
    expect(refused.stderr).toContain(
      'rows that cannot be used: 6; --skip-bad-rows leaves them out and uses the other 24',
    );
    const all = await runCommand(...train, '--all-problems');
    expect(all.stderr.match(/row \d+: neither/g)).toHaveLength(6);
    const { code, value, stderr } = await run(
      'train',
      dataset,
      '--head',
      'skipping',
      '--no-search',
      '--skip-bad-rows',
    );
    expect(code, stderr).toBe(0);
    expect(value.examples.training + value.examples.test).toBe(24);
    expect(stderr).toContain('note: bad rows: 6 rows left out, 24 examples used');
  });

  it('are asked about in a terminal', async () => {
    const dataset = await texts('asked about', rows);
    const command = `exec '${process.execPath}' '${main}' train '${dataset}' --head asked --no-search --data '${path.join(folder, 'data')}'`;
    const child = spawn('script', ['-qec', command, '/dev/null'], { env: { ...process.env, TERM: 'xterm' } });
    let shown = '';
    let isAnswered = false;
    for await (const chunk of child.stdout) {
      shown += chunk;
      if (isAnswered || !shown.includes('[y/N]')) continue;
      isAnswered = true;
      child.stdin.write('y\n');
    }
    expect(shown).toContain('6 rows cannot be used. Leave them out and use the other 24? [y/N]');
    expect(shown).toMatch(/asked@1: 3 labels/);
  });
});

it('trains on a label of one example where it is to be kept, and without it where not', async () => {
  const rows = Array.from({ length: 24 }, (_, row): [string, unknown] => [item(row), `label ${row % 2}`]);
  const dataset = await texts('lonely', [...rows, ['a lonely hill', 'lonely']]);
  expect((await run('train', dataset, '--head', 'lonely')).value.error.code).toBe('invalid-dataset');
  const labelsOf = async (choice: string) => {
    const { code, value, stderr } = await run('train', dataset, '--head', 'lonely', '--rare-labels', choice);
    expect(code, stderr).toBe(0);
    return value.labels;
  };
  expect(await labelsOf('keep')).toEqual(['label 0', 'label 1', 'lonely']);
  expect(await labelsOf('drop')).toEqual(['label 0', 'label 1']);
});
