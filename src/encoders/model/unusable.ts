import { TandemError } from '../../errors.ts';

/**
 * The error of a model that is no encoder.
 * @param fix what to type next; the table's by default
 */
export function unusable(detail: string, fix?: string, cause?: unknown): TandemError {
  return new TandemError('invalid-encoder', detail, { fix, cause });
}

/**
 * The error of what a model's files leave open.
 * @example throw undecided('pooling', 'cls', 'the model has no 1_Pooling/config.json');
 */
export function undecided(setting: string, value: string, why: string): TandemError {
  return unusable(why, `Say it with --${setting}, such as --${setting} ${value}.`);
}
