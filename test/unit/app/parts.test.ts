import { expect, it } from 'vitest';
import { Parts } from '../../../src/app/parts.ts';

/** Two parts, the second on the first, and what was opened and closed. */
function twoParts() {
  const parts = new Parts();
  const said: string[] = [];
  const add = (name: string, needed?: () => Promise<string>) =>
    parts.add(async (closing) => {
      await needed?.();
      said.push(`${name} opened`);
      closing.defer(() => void said.push(`${name} closed`));
      return name;
    });
  const store = add('store');
  return { parts, said, store, jobs: add('jobs', store) };
}

it('opens a part when it is first needed, once, and closes what was opened, the last first', async () => {
  const { parts, said, store, jobs } = twoParts();
  expect(said).toEqual([]);
  expect(await Promise.all([jobs(), jobs(), store()])).toEqual(['jobs', 'jobs', 'store']);
  await Promise.all([parts.close(), parts.close()]);
  expect(said).toEqual(['store opened', 'jobs opened', 'jobs closed', 'store closed']);
});

it('opens nothing once it is closed, and closes what is being opened at that moment', async () => {
  const { parts, said, store, jobs } = twoParts();
  const opening = store();
  await parts.close();
  expect(await opening).toBe('store');
  expect(said).toEqual(['store opened', 'store closed']);
  await expect(jobs()).rejects.toMatchObject({ code: 'closed' });
});

it('closes what a part has opened that cannot be opened, and tries again the next time', async () => {
  const parts = new Parts();
  const said: string[] = [];
  let isThere = false;
  const part = parts.add(async (closing) => {
    closing.defer(() => void said.push('closed'));
    if (!isThere) throw new Error('not there');
    return 'part';
  });
  await expect(part()).rejects.toThrow('not there');
  expect(said).toEqual(['closed']);
  isThere = true;
  expect(await part()).toBe('part');
});
