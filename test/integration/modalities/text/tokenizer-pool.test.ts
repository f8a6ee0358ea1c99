import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { sharp } from '../../../../src/modalities/image/sharp.ts';
import {
  type TokenizerData,
  TokenizerPool,
  TokenizerThread,
} from '../../../../src/modalities/text/tokenizer-pool.ts';
import { costlyTexts } from '../../../attack/payloads/costly-texts.ts';

const data: TokenizerData = {
  folder: fileURLToPath(new URL('../../../../models/all-MiniLM-L6-v2', import.meta.url)),
  maximumTokens: 128,
};

async function start(threads: number): Promise<TokenizerPool> {
  const pool = await TokenizerPool.start({ ...data, threads });
  onTestFinished(() => pool.close());
  return pool;
}

/** Short texts are tokenized without a thread. */
const text = 'a red bike '.repeat(30);
const ids = [101, ...Array.from({ length: 30 }, () => [1037, 2417, 7997]).flat(), 102];

describe('a tokenizer in threads', () => {
  it.each([1, 3])('answers each of very many texts with its own ids, in %i threads', async (threads) => {
    const pool = await start(threads);
    const texts = Array.from({ length: 500 }, (_, index) => 'a red bike '.repeat(1 + (index % 40)));
    const answers = await Promise.all(texts.map((each) => pool.tokenize(each)));
    for (const [index, answer] of answers.entries())
      expect(answer).toEqual([
        101,
        ...Array.from({ length: 1 + (index % 40) }, () => [1037, 2417, 7997])
          .flat()
          .slice(0, 126),
        102,
      ]);
  });

  it('leaves libvips without a memory of decoders, which would keep what large images were decoded in', async () => {
    await start(2);
    expect(sharp.cache()).toMatchObject({ memory: { max: 0 }, files: { max: 0 }, items: { max: 0 } });
  });

  it('leaves this thread free, and drops at once what waits when its caller leaves', async () => {
    const pool = await start(1);
    const caller = new AbortController();
    const texts = Array.from({ length: 2000 }, (_, index) => `${index} ${costlyTexts['unknown words']}`);
    const before = process.cpuUsage();
    const items = Promise.allSettled(texts.map((each) => pool.tokenize(each, { signal: caller.signal })));
    await pause(200);
    caller.abort(new Error('the caller left'));
    const outcomes = await items;
    expect(outcomes.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(1000);
    expect(await pool.tokenize(text)).toEqual(ids);
    // All of them take some 10 s; the library takes 320.
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1e6).toBeLessThan(4);
  });

  it('lets what is urgent go ahead of all that waits', async () => {
    const pool = await start(1);
    const caller = new AbortController();
    const items = Promise.allSettled(
      Array.from({ length: 500 }, () => pool.tokenize(costlyTexts.punctuation, { signal: caller.signal })),
    );
    let waiting = true;
    void items.then(() => {
      waiting = false;
    });
    expect(await pool.tokenize(text, { urgent: true })).toEqual(ids);
    expect(waiting).toBe(true);
    caller.abort();
    await items;
  });

  it('is not there where its files are missing', async () => {
    await expect(TokenizerPool.start({ ...data, folder: path.join(data.folder, 'onnx') })).rejects.toThrow(
      /tokenizer\.json/,
    );
  });

  it('replaces a thread that ended, whether it was working or not', async () => {
    const threads: TokenizerThread[] = [];
    const pool = await TokenizerPool.start({
      ...data,
      threads: 1,
      start(options) {
        const thread = new TokenizerThread(options);
        threads.push(thread);
        return thread;
      },
    });
    onTestFinished(() => pool.close());
    await threads[0].close();
    expect(await pool.tokenize(text)).toEqual(ids);
    const lost = pool.tokenize(costlyTexts.punctuation);
    const next = pool.tokenize(text);
    const expected = expect(lost).rejects.toThrow(/ended/);
    await threads[1].close();
    await expected;
    expect(await next).toEqual(ids);
    expect(threads).toHaveLength(3);
  });

  it('refuses texts once it is closed', async () => {
    const pool = await start(2);
    await pool.close();
    await expect(pool.tokenize(text)).rejects.toThrow(/closed/);
  });
});
