import { expect, it } from 'vitest';
import type { Page } from '../../../src/store/database/page.ts';
import { dataset, fetch, head, problemOf, serve, services } from './double.ts';

const numbers = [0, 1, 2, 3, 4];
const page = ({ offset, limit }: Page) => numbers.slice(offset, offset + limit);
const double = services({
  heads: async (asked) => ({
    heads: page(asked).map((number) => ({ ...head, name: `head-${number}` })),
    damaged: [],
    total: numbers.length,
  }),
  datasets: {
    ...services().datasets,
    list: async (asked) => ({
      datasets: page(asked).map((number) => ({ ...dataset, id: `set-${number}` })),
      damaged: [],
      total: numbers.length,
    }),
  },
});

it.each([
  ['heads', 'name', 'head'],
  ['datasets', 'id', 'set'],
])('lists %s page by page, and says how many there are', async (list, member, prefix) => {
  const { address } = await serve(double);
  const page = async (query: string) => (await fetch(`${address}/v1/${list}${query}`)).json();
  const { [list]: some, ...rest } = await page('?offset=1&limit=2');
  expect(some.map((item: Record<string, string>) => item[member])).toEqual([`${prefix}-1`, `${prefix}-2`]);
  expect(rest).toEqual({ offset: 1, total: 5 });
  expect((await page(''))[list]).toHaveLength(5);
  expect((await page('?offset=9'))[list]).toEqual([]);
  const problem = await problemOf(await fetch(`${address}/v1/${list}?limit=0`));
  expect(problem.errors).toEqual([{ at: 'limit', detail: 'must be at least 1' }]);
});
