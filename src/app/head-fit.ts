import type { Logger } from 'pino';
import { isFitted, type PretrainedName } from '../modalities/registry.ts';
import type { HeadSummary } from '../protocols/pipeline/services.ts';

/** Milliseconds between two looks. */
const lookInterval = 10_000;
/** Most heads that are named. */
const mostNamed = 20;

/**
 * Which heads of the store were trained on other encoders than this server's, so that it cannot answer for them. It is
 * looked up behind the answers, so that nobody waits for the store.
 * @example
 * const fit = new HeadFit(services.heads, encoders.fingerprints, logger);
 * fit.unfit; // ['pets@3']
 */
export class HeadFit {
  readonly #heads: () => Promise<readonly HeadSummary[]>;
  readonly #fingerprints: Readonly<Record<PretrainedName, string>>;
  readonly #logger: Logger;
  #unfit: string[] = [];
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** @param heads the latest version of every head */
  constructor(
    heads: () => Promise<readonly HeadSummary[]>,
    fingerprints: Readonly<Record<PretrainedName, string>>,
    logger: Logger,
  ) {
    this.#heads = heads;
    this.#fingerprints = fingerprints;
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
    const unfit = (await this.#heads())
      .filter(({ encoders }) =>
        encoders.some(
          ({ modality, fingerprint }) => !isFitted(modality) && fingerprint !== this.#fingerprints[modality],
        ),
      )
      .map(({ name, version }) => `${name}@${version}`)
      .slice(0, mostNamed);
    const isNews = unfit.some((head) => !this.#unfit.includes(head));
    this.#unfit = unfit;
    if (isNews)
      this.#logger.warn({ heads: unfit }, 'heads were trained on other encoders than this server’s');
  }
}
