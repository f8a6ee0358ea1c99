import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import pLimit from 'p-limit';
import { required } from '../../indexing.ts';
import { Batcher, type SubmitOptions } from '../../runtime/batcher.ts';
import { loadTokenizer, type Tokenize } from './tokenizer.ts';

/** What a thread is started with. */
export interface TokenizerData {
  /** The encoder's folder. */
  folder: string;
  maximumTokens: number;
}

/** What a thread answers to a batch of texts. */
export type TokenizerAnswer = { ids: number[][] } | { error: Error };

/** A text of so many characters at most is tokenized in a fifth of a millisecond: handing it over would take longer. */
const charactersOfShort = 256;
/** Characters of the texts that a thread is given at a time, about a millisecond's work. A longer text comes alone. */
const charactersOfBatch = 4096;

export interface TokenizerPoolOptions extends TokenizerData {
  threads?: number;
  /** Starts a thread; a {@link TokenizerThread} by default. */
  start?(data: TokenizerData): TokenizerThread;
}

/** A thread for every four cores: tokenizing a text takes a hundredth of what encoding it takes. */
const defaultThreads = Math.min(4, Math.ceil(availableParallelism() / 4));

/**
 * An encoder's tokenizer in threads of its own, so that long texts hold up nobody else: they wait in one queue for the
 * thread that is free first. One that ends is replaced when it is needed again. Short texts are tokenized at once, here.
 * @example
 * const tokenizer = await TokenizerPool.start({ folder: 'models/all-MiniLM-L6-v2', maximumTokens: 128 });
 * await tokenizer.tokenize('a red bike', { signal }); // [101, 1037, 2417, 7997, 102]
 */
export class TokenizerPool {
  readonly #here: Tokenize;
  readonly #start: () => TokenizerThread;
  readonly #threads = new Set<TokenizerThread>();
  readonly #idle: TokenizerThread[] = [];
  readonly #queue: Batcher<string, number[]>;
  #closed = false;

  private constructor(
    here: Tokenize,
    { threads = defaultThreads, start = (data) => new TokenizerThread(data), ...data }: TokenizerPoolOptions,
  ) {
    this.#here = here;
    this.#start = () => start(data);
    const turns = pLimit(threads);
    for (let index = 0; index < threads; index++) this.#idle.push(this.#add());
    this.#queue = new Batcher<string, number[]>({
      run: (take) => turns(() => this.#run(take)),
      budget: charactersOfBatch,
      costOf: ({ length }) => length,
      // How many wait here is bounded where requests are accepted.
      maximumQueue: Number.POSITIVE_INFINITY,
    });
  }

  /** @throws Error where the tokenizer cannot be loaded */
  static async start(options: TokenizerPoolOptions): Promise<TokenizerPool> {
    const pool = new TokenizerPool(await loadTokenizer(options.folder, options.maximumTokens), options);
    // A thread answers once its tokenizer is loaded.
    await Promise.all([...pool.#threads].map((thread) => thread.tokenize([])));
    return pool;
  }

  /**
   * Token ids of a text, special tokens included, cut to the encoder's length.
   * @param options an abort takes the text out of the queue; a batch that runs already is finished and forgotten
   * @throws Error where the thread ended or the pool is closed; the signal's reason where it aborts
   */
  async tokenize(text: string, options?: SubmitOptions): Promise<number[]> {
    if (text.length > charactersOfShort) return (await this.#queue.submit(text, options)).result;
    options?.signal?.throwIfAborted();
    return this.#here(text);
  }

  /** Ends the threads; what they are doing fails. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#threads].map((thread) => thread.close()));
  }

  #add(): TokenizerThread {
    const thread = this.#start();
    this.#threads.add(thread);
    return thread;
  }

  async #run(take: () => readonly string[]): Promise<number[][]> {
    const texts = take();
    if (texts.length === 0) return [];
    if (this.#closed) throw new Error('the tokenizer is closed');
    // There are as many turns as threads.
    let thread = required(this.#idle.pop(), 'an idle thread of the tokenizer');
    if (thread.ended) {
      this.#threads.delete(thread);
      thread = this.#add();
    }
    try {
      return await thread.tokenize(texts);
    } finally {
      this.#idle.push(thread);
    }
  }
}

/** A thread that has one batch at a time. */
export class TokenizerThread {
  readonly #worker: Worker;
  #pending: PromiseWithResolvers<number[][]> | undefined;
  #ended: Error | undefined;

  constructor(data: TokenizerData) {
    this.#worker = new Worker(new URL('./tokenizer-worker.ts', import.meta.url), { workerData: data });
    this.#worker.on('message', (answer: TokenizerAnswer) => this.#settle(answer));
    this.#worker.on('error', (error) => this.#end(error as Error));
    this.#worker.on('exit', (code) => this.#end(new Error(`the tokenizer's thread ended with code ${code}`)));
    // An idle thread keeps no process alive; one that works does.
    this.#worker.unref();
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  tokenize(texts: readonly string[]): Promise<number[][]> {
    if (this.#ended) return Promise.reject(this.#ended);
    this.#pending = Promise.withResolvers();
    this.#worker.ref();
    this.#worker.postMessage(texts);
    return this.#pending.promise;
  }

  /** Ends it; what it is doing fails. */
  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(answer: TokenizerAnswer): void {
    this.#worker.unref();
    if ('error' in answer) this.#pending?.reject(answer.error);
    else this.#pending?.resolve(answer.ids);
  }

  #end(error: Error): void {
    this.#ended ??= error;
    this.#pending?.reject(this.#ended);
  }
}
