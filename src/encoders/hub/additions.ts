import pLimit from 'p-limit';
import { TandemError } from '../../errors.ts';
import { revived } from '../../failure.ts';
import { ProcessEnded, runSupervised } from '../../runtime/supervised-process.ts';
import type { FoundEncoder } from '../places.ts';
import type { AdditionMessage, AdditionOrder } from './addition-task.ts';
import type { DownloadProgress } from './fetch-model.ts';

/** Additions that may wait for the one that is under way. */
const mostWaiting = 8;
/** MiB that making an encoder may take: a model of 2 GiB is held three times. */
const memory = 8192;
/** Milliseconds of a download and a proof. */
const timeout = 24 * 3_600_000;

/**
 * Adds encoders of the hub for a server, one after the other, each in a process of its own. Where the caller leaves, it ends:
 * what was downloaded is kept, and the next call resumes.
 * @example
 * const additions = new EncoderAdditions();
 * const encoder = await additions.add({ hub, model, places, options: { threads: 2 } }, { signal });
 */
export class EncoderAdditions {
  readonly #limit = pLimit(1);
  readonly #closing = new AbortController();
  readonly #underWay = new Set<Promise<unknown>>();

  /** @throws TandemError as `addFromHub`; `overloaded` where too many wait; `out-of-memory` */
  async add(
    order: AdditionOrder,
    { signal, onProgress }: { signal: AbortSignal; onProgress?(progress: DownloadProgress): void },
  ): Promise<FoundEncoder> {
    if (this.#limit.pendingCount >= mostWaiting)
      throw new TandemError('overloaded', `${mostWaiting} encoders are waiting to be added`, {
        retryAfter: 60,
      });
    const ended = AbortSignal.any([signal, this.#closing.signal]);
    const added = this.#limit(() => run(order, ended, onProgress));
    this.#underWay.add(added);
    return added.finally(() => this.#underWay.delete(added));
  }

  /** Ends what is under way, and takes no more. */
  async close(): Promise<void> {
    this.#closing.abort(new TandemError('overloaded', 'the server stops', { retryAfter: 60 }));
    await Promise.allSettled(this.#underWay);
  }
}

async function run(
  order: AdditionOrder,
  signal: AbortSignal,
  onProgress?: (progress: DownloadProgress) => void,
): Promise<FoundEncoder> {
  signal.throwIfAborted();
  let last: AdditionMessage | undefined;
  const onMessage = (message: AdditionMessage) => {
    last = message;
    if (message.kind === 'progress') onProgress?.(message.progress);
  };
  const script = new URL('./addition-process.ts', import.meta.url);
  await runSupervised<AdditionMessage>(script, { ...order }, { memory, timeout, signal, onMessage }).catch(
    (error) => {
      if (error instanceof ProcessEnded && error.reason === 'memory')
        throw new TandemError('out-of-memory', `adding the encoder: ${error.message}`, {
          fix: 'Give the machine more memory, or add the encoder on another and copy its folder.',
        });
      throw error;
    },
  );
  if (last?.kind === 'failed') throw revived(last.failure, 'adding an encoder');
  if (last?.kind !== 'added') throw new Error('the process that adds an encoder ended without an answer');
  return last.encoder;
}
