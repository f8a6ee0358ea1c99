import { expect, it } from 'vitest';
import { Reach } from '../../../../src/encoders/hub/reach.ts';

const hub = { isHub: true };
const elsewhere = { isHub: false };

it('follows a public hub to the open internet alone', () => {
  const reach = new Reach();
  expect(reach.allows('1.1.1.1', hub)).toBe(true);
  expect(reach.allows('8.8.8.8', elsewhere)).toBe(true);
  for (const address of ['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', 'fd00::1', '::ffff:10.0.0.1'])
    expect(reach.allows(address, elsewhere), address).toBe(false);
});

it('follows a mirror inside one’s own network to where it keeps its files', () => {
  const reach = new Reach();
  expect(reach.allows('10.0.0.5', elsewhere)).toBe(false);
  expect(reach.allows('10.0.0.1', hub)).toBe(true);
  expect(reach.allows('10.0.0.5', elsewhere)).toBe(true);
});
