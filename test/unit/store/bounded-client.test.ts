import { expect, it } from 'vitest';
import { boundedPool } from '../../../src/store/database/bounded-client.ts';

/** Nothing else runs between two looks: what is added is the client's. */
const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

it('a statement that is rejected at once leaves no timer that would end the connection later', () => {
  const client = new (boundedPool().Client)();
  const before = timers();
  expect(() => client.query(null)).toThrow(TypeError);
  expect(timers()).toBe(before);
});

it('a cursor, which is read at its caller’s pace, is not ended by the bound of a statement', () => {
  const client = new (boundedPool().Client)();
  const before = timers();
  const cursor = { submit() {} };
  expect(client.query(cursor)).toBe(cursor);
  expect(timers()).toBe(before);
});
