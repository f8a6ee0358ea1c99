import { expect, it } from 'vitest';
import { FeatureMemory } from '../../../src/encoders/feature-memory.ts';

const features = (value: number) => ({ features: Float32Array.of(value, value), cost: 3 });

it('remembers by encoder and content', () => {
  const memory = new FeatureMemory(10_000);
  memory.set(memory.key('a', 'cat'), features(1));
  memory.set(memory.key('b', 'cat'), features(2));
  expect(memory.get(memory.key('a', Buffer.from('cat')))).toEqual(features(1));
  expect(memory.get(memory.key('b', 'cat'))).toEqual(features(2));
  expect(memory.get(memory.key('a', 'dog'))).toBeUndefined();
});

it('keeps a row of a batch, not the batch', () => {
  const memory = new FeatureMemory(10_000);
  const batch = new Float32Array(1000);
  const key = memory.key('a', 'cat');
  memory.set(key, { features: batch.subarray(2, 4), cost: 1 });
  expect(memory.get(key)!.features.buffer.byteLength).toBe(8);
});

it('forgets what was not asked for longest once it is full', () => {
  const memory = new FeatureMemory(1000);
  const keys = ['a', 'b', 'c', 'd'].map((text) => memory.key('e', text));
  for (const [index, key] of keys.slice(0, 3).entries()) memory.set(key, features(index));
  memory.get(keys[0]);
  memory.set(keys[3], features(3));
  expect(keys.map((key) => memory.get(key) !== undefined)).toEqual([true, false, true, true]);
  expect(memory.bytes).toBeLessThanOrEqual(1000);
});

it('remembers nothing where it may hold nothing', () => {
  const memory = new FeatureMemory(0);
  const key = memory.key('a', 'cat');
  memory.set(key, features(1));
  expect(memory.get(key)).toBeUndefined();
});
