import { expect, it } from 'vitest';
import { open } from './open-tandem.ts';
import { pricedSet } from './priced-set.ts';

const tableColumns = ['price', 'brand'];

it('learns from three modalities where the price decides, and answers with and without it', async () => {
  const { tandem } = await open();
  const set = await pricedSet(120);
  const summary = await tandem.train(set, { head: 'priced', tableColumns, search: false });
  expect(summary.metrics.unimodal.table?.accuracy).toBeGreaterThan(0.9);
  expect(summary.metrics.fused.accuracy).toBeGreaterThan(summary.metrics.unimodal.text?.accuracy ?? 1);
  const text = 'a lamp, as new';
  const { results } = await tandem.predict(
    [{ text, table: { price: 190 } }, { text, table: { price: 25, brand: null } }, { text }],
    { head: 'priced' },
  );
  expect(results).toMatchObject([
    { labels: [{ label: 'dear' }, {}], modalities: ['text', 'table'] },
    { labels: [{ label: 'cheap' }, {}], modalities: ['text', 'table'] },
    { modalities: ['text'] },
  ]);
});
