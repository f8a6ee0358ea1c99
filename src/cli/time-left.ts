const durations = new Intl.DurationFormat('en', { style: 'narrow' });

/** Milliseconds after which a rate is worth telling. */
const settled = 2000;

/**
 * How long something still takes, from the pace since it began. What was done before, as of a training that resumes, took
 * no time.
 * @example
 * const timeLeft = new TimeLeft(performance.now(), 0);
 * timeLeft.at(performance.now(), { done: 20, total: 100 }); // '1m 5s'
 */
export class TimeLeft {
  readonly #began: number;
  readonly #doneBefore: number;

  /**
   * @param began milliseconds of any clock
   * @param doneBefore how much was done by then
   */
  constructor(began: number, doneBefore: number) {
    this.#began = began;
    this.#doneBefore = doneBefore;
  }

  /**
   * @param now milliseconds of the same clock
   * @returns hours, minutes and seconds, the two greatest of them; undefined in the first two seconds, and where nothing was done
   */
  at(now: number, { done, total }: { done: number; total: number }): string | undefined {
    const elapsed = now - this.#began;
    const progress = done - this.#doneBefore;
    if (elapsed < settled || progress <= 0) return undefined;
    const seconds = Math.ceil(((total - done) * elapsed) / progress / 1000);
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
    if (hours > 0) return durations.format({ hours, minutes });
    return durations.format(minutes > 0 ? { minutes, seconds: seconds % 60 } : { seconds: seconds % 60 });
  }

  /** How much is done in a second; undefined in the first two. */
  rateAt(now: number, done: number): number | undefined {
    const elapsed = now - this.#began;
    return elapsed < settled ? undefined : ((done - this.#doneBefore) * 1000) / elapsed;
  }
}
