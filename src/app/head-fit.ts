import type { Logger } from 'pino';
import { encodersIn } from '../encoders/reference.ts';
import type { EncoderLookup } from '../heads/head.ts';
import { isFitted } from '../modalities/registry.ts';
import type { HeadSummary } from '../protocols/pipeline/services.ts';

/** Milliseconds between two looks. */
const lookInterval = 10_000;
/** Most heads that are named. */
const mostNamed = 20;

/**
 * Which heads of the store take features of encoders that this server doesn't have, so that it cannot answer for them. It is
 * looked up behind the answers, so that nobody waits for the store.
 * @example
 * const fit = new HeadFit(services.heads, encoders, logger);
 * fit.unfit; // ['pets@3']
 */
export class HeadFit {
  readonly #heads: () => Promise<readonly HeadSummary[]>;
  readonly #encoders: EncoderLookup;
  readonly #logger: Logger;
  #unfit: string[] = [];
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** @param heads the latest version of every head */
  constructor(heads: () => Promise<readonly HeadSummary[]>, encoders: EncoderLookup, logger: Logger) {
    this.#heads = heads;
    this.#encoders = encoders;
    this.#logger = logger;
    this.#lookSoon();
  }

  /** As `name@version`, some of them, as of the last look. */
  get unfit(): readonly string[] {
    this.#lookSoon();
    return this.#unfit;
  }

  #lookSoon(): void {
    if (performance.now() - this.#lookedAt < lookInterval) return;
    this.#lookedAt = performance.now();
    this.#look().catch((error) => this.#logger.warn({ err: error }, 'the heads cannot be looked through'));
  }

  async #look(): Promise<void> {
    const unfit: string[] = [];
    for (const { name, version, encoders } of await this.#heads())
      if (unfit.length < mostNamed && (await this.#lacksAny(encoders))) unfit.push(`${name}@${version}`);
    const isNews = unfit.some((head) => !this.#unfit.includes(head));
    this.#unfit = unfit;
    if (isNews) this.#logger.warn({ heads: unfit }, 'heads take features of encoders that are not here');
  }

  async #lacksAny(encoders: HeadSummary['encoders']): Promise<boolean> {
    for (const encoder of encoders.filter(({ modality }) => !isFitted(modality)))
      for (const { fingerprint } of encodersIn(encoder))
        if (!(await this.#encoders.find(fingerprint))) return true;
    return false;
  }
}
