import type { components } from './api.d.ts';

type Problem = components['schemas']['Problem'];

/**
 * What the server says is wrong, as an error to throw.
 * @example
 * const { data, error } = await tandem.GET('/v1/heads');
 * if (error) throw new ApiError(error);
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** Undefined where something between here and the server answered in words of its own. */
  readonly problem?: Problem;

  constructor(answer: Problem | string) {
    super(typeof answer === 'string' ? answer : `${answer.title}: ${answer.detail}. ${answer.fix}`);
    if (typeof answer !== 'string') this.problem = answer;
  }
}
