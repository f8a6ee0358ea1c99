import { expect, it } from 'vitest';
import { folderWith } from '../../unit/datasets/sample.ts';
import { open } from './open-tandem.ts';

/** What JavaScript passes where TypeScript would not have let it. */
const unchecked = (value: unknown) => value as never;

it('names every bad option of a call before anything is read or loaded', async () => {
  const { tandem } = await open({ models: '/nowhere' });
  await expect(tandem.compare('nowhere', { seeds: 0, testShare: 1 })).rejects.toMatchObject({
    code: 'invalid-request',
    items: [{ at: 'testShare' }, { at: 'seeds' }],
  });
  const bad = { head: 'pets', fusion: 'glue', seed: -1, onProgress: 'yes' };
  await expect(tandem.train('nowhere', unchecked(bad))).rejects.toMatchObject({
    code: 'invalid-request',
    items: [{ at: 'onProgress', detail: 'it must be a function' }, { at: 'fusion' }, { at: 'seed' }],
  });
  await expect(tandem.evaluate('nowhere', unchecked({}))).rejects.toThrow('head');
  await expect(tandem.heads.compare('a', 'b', unchecked({ dataset: 5 }))).rejects.toThrow('dataset');
  await expect(tandem.predict([{ text: 'a red bike' }], { topK: 0 })).rejects.toMatchObject({
    code: 'invalid-request',
    message: 'topK: must be at least 1',
  });
  await expect(tandem.predict(unchecked({ text: 'a red bike' }))).rejects.toThrow(
    'it must be a list of items',
  );
  await expect(tandem.listen({ port: 70_000 })).rejects.toMatchObject({ code: 'invalid-request' });
  const job = { work: { compare: 0 }, source: { dataset: 'pets' } };
  await expect(tandem.jobs.submit(job)).rejects.toThrow('work.compare: must be at least 2');
});

it('says in its place what is wrong with the content of an item, and predicts the others', async () => {
  const { tandem } = await open();
  const inputs = [{ text: 5 }, { text: 'a slice of pizza' }, { image: 'cat.jpg' }, null];
  const { results } = await tandem.predict(unchecked(inputs), { topK: 1 });
  expect(results).toMatchObject([
    {
      code: 'invalid-request',
      message: expect.stringMatching(/^inputs\[0\]: text: must be a text, not a number$/),
    },
    { labels: [{ label: 'food-drink' }] },
    { code: 'invalid-request', message: expect.stringContaining('as readFile gives them') },
    { code: 'invalid-request', message: expect.stringContaining('inputs[3]') },
  ]);
  const items = [
    { modality: 'text', input: 'a bike' },
    { modality: 'sound', input: 'moo' },
  ];
  await expect(tandem.embed(unchecked(items))).rejects.toMatchObject({
    items: [{ at: 'input[1].modality' }],
  });
});

it('is cancelled while it encodes, whatever the signal says', async () => {
  const { tandem } = await open();
  const rows = Array.from({ length: 20 }, (_, row) => `${row} slices of pizza,food-drink`);
  const folder = await folderWith({
    'metadata.csv': ['text,label', ...rows, 'a cat,animals-nature', 'a dog,animals-nature'].join('\n'),
  });
  const works: ((options: object) => Promise<unknown>)[] = [
    (options) => tandem.evaluate(folder, { head: 'emoji', ...options }),
    (options) => tandem.compare(folder, options),
    (options) => tandem.heads.compare('emoji', 'emoji', { dataset: folder, ...options }),
  ];
  for (const work of works) {
    const controller = new AbortController();
    const reason = new Error('I changed my mind');
    const onProgress = ({ stage }: { stage: string }) => {
      if (stage === 'features') controller.abort(reason);
    };
    await expect(work({ signal: controller.signal, onProgress })).rejects.toMatchObject({
      code: 'job-cancelled',
      message: 'stopped while encoding',
      cause: reason,
    });
  }
});
