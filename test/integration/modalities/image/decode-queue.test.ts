import { stat } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { decodeInTurn } from '../../../../src/modalities/image/decode-queue.ts';
import { sharp } from '../../../../src/modalities/image/sharp.ts';
import { decodesAtOnce } from '../../../../src/modalities/image/thread-pool.ts';
import { manyScansJpeg } from '../../../attack/payloads/many-scans-jpeg.ts';

/** Decodings that last until they are let go, and how many of them began. */
function gatedDecodes() {
  const gate = Promise.withResolvers<void>();
  let begun = 0;
  const decode = async () => {
    begun++;
    await gate.promise;
  };
  return { decode, begun: () => begun, letGo: gate.resolve };
}

describe('the decode queue', () => {
  it('drops at once what waits when its caller leaves, and begins nothing more for it', async () => {
    const { decode, begun, letGo } = gatedDecodes();
    const caller = new AbortController();
    const items = Array.from({ length: 64 }, () => decodeInTurn(decode, { signal: caller.signal }));
    const other = decodeInTurn(async () => 'decoded');
    await pause(10);
    expect(begun()).toBe(decodesAtOnce);
    caller.abort(new Error('the caller left'));
    for (const outcome of await Promise.allSettled(items))
      expect(outcome).toMatchObject({ status: 'rejected', reason: { message: 'the caller left' } });
    // What runs keeps its place until it has ended.
    expect(await Promise.race([other, pause(50, 'waits')])).toBe('waits');
    letGo();
    expect(await other).toBe('decoded');
    expect(begun()).toBe(decodesAtOnce);
  });

  it('lets what is urgent go ahead', async () => {
    const { decode, letGo } = gatedDecodes();
    const items = Array.from({ length: 64 }, () => decodeInTurn(decode));
    expect(await decodeInTurn(async () => 'decoded', { urgent: true })).toBe('decoded');
    letGo();
    await Promise.all(items);
  });

  it('goes on after a decoding that failed', async () => {
    const failing = () => Promise.reject(new Error('no image'));
    const items = Array.from({ length: 10 }, () => decodeInTurn(failing));
    for (const outcome of await Promise.allSettled(items))
      expect(outcome).toMatchObject({ reason: { message: 'no image' } });
    expect(await decodeInTurn(async () => 'decoded')).toBe('decoded');
  });

  it('leaves room for files while as much is decoded as may be', async () => {
    const slow = manyScansJpeg({ width: 8000, height: 6248, scans: 300 });
    let decoding = true;
    const items = Promise.all(
      Array.from({ length: decodesAtOnce + 1 }, () =>
        decodeInTurn(() => sharp(slow).resize(8, 8).raw().toBuffer()),
      ),
    ).finally(() => {
      decoding = false;
    });
    await pause(200);
    for (let count = 0; count < 20; count++) await stat(import.meta.filename);
    expect(decoding).toBe(true);
    await items;
  });
});
