import { expect, it } from 'vitest';
import { showsBars } from '../../../src/cli/progress-bar.ts';
import { TimeLeft } from '../../../src/cli/time-left.ts';

it.each([
  ['a terminal of 80 columns', { isTTY: true, columns: 80 }, { TERM: 'xterm' }, true],
  ['a terminal of no width', { isTTY: true, columns: 0 }, { TERM: 'xterm' }, false],
  ['a dumb terminal', { isTTY: true, columns: 80 }, { TERM: 'dumb' }, false],
  ['a file', { columns: 80 }, { TERM: 'xterm' }, false],
])('shows bars on a terminal that can redraw a line: %s', (_, terminal, environment, shown) => {
  expect(showsBars(terminal, environment)).toBe(shown);
});

it.each([
  [10_000, { done: 10, total: 40 }, '30s'],
  [10_000, { done: 10, total: 140 }, '2m 10s'],
  [60_000, { done: 1, total: 151 }, '2h 30m'],
  [10_000, { done: 39, total: 40 }, '1s'],
])('tells the time left after %d ms at %o: %s', (elapsed, progress, left) => {
  expect(new TimeLeft(500, 0).at(500 + elapsed, progress)).toBe(left);
});

it('does not count what a resumed training had done before', () => {
  expect(new TimeLeft(0, 90).at(10_000, { done: 100, total: 110 })).toBe('10s');
});

it('tells no time left before there is a pace', () => {
  expect(new TimeLeft(0, 0).at(1999, { done: 10, total: 40 })).toBeUndefined();
  expect(new TimeLeft(0, 5).at(9000, { done: 5, total: 40 })).toBeUndefined();
});
