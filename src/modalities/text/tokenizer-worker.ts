/** The thread side of a {@link TokenizerPool}: texts in, token ids out, one batch after the other. */

import { parentPort, workerData } from 'node:worker_threads';
import { required } from '../../indexing.ts';
import { loadTokenizer } from './tokenizer.ts';
import type { TokenizerAnswer, TokenizerData } from './tokenizer-pool.ts';

const port = required(parentPort, 'the port to the parent thread');
const { folder, maximumTokens } = workerData as TokenizerData;
const tokenize = await loadTokenizer(folder, maximumTokens);

port.on('message', (texts: readonly string[]) => {
  port.postMessage(answer(texts));
});

function answer(texts: readonly string[]): TokenizerAnswer {
  try {
    return { ids: texts.map(tokenize) };
  } catch (error) {
    return { error: error as Error };
  }
}
