import { expect, it } from 'vitest';
import { encodersIn, joinReferences } from '../../../src/encoders/reference.ts';

const dino = { id: 'dino', fingerprint: 'd1' };
const clip = { id: 'clip', fingerprint: 'c1' };

it('calls one encoder as it is called alone', () => {
  expect(joinReferences([dino])).toEqual(dino);
  expect(encodersIn(dino)).toEqual([dino]);
});

it('calls several by all their names, and tells their order apart', () => {
  const both = joinReferences([dino, clip]);
  expect(both).toEqual({
    id: 'dino+clip',
    fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
    parts: [dino, clip],
  });
  expect(encodersIn(both)).toEqual([dino, clip]);
  expect(joinReferences([clip, dino]).fingerprint).not.toBe(both.fingerprint);
});

it('refuses an encoder that is named twice, whatever it is called', () => {
  expect(() => joinReferences([dino, { ...dino, id: 'the same' }])).toThrow('named twice');
});
