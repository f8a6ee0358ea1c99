import { stat } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { proveEncoder } from '../../../src/encoders/prove.ts';
import { readSpecification } from '../../../src/encoders/specification.ts';
import { bundledEncoders } from '../../bundled-encoders.ts';

it('tells the memory that an encoder takes, whatever this process frees meanwhile', async () => {
  const [folder] = bundledEncoders.text;
  const { weights } = await readSpecification(folder);
  const { size } = await stat(path.join(folder, weights));
  const ballast = new ArrayBuffer(500_000_000);
  new Uint8Array(ballast).fill(1);
  const proof = proveEncoder(folder, { threads: 1 });
  ballast.transfer(0);
  // Its 16 bit weights are widened when they are loaded.
  expect((await proof).memory).toBeGreaterThan(size);
  expect((await proof).memory).toBeLessThan(10 * size);
});
