import { type ErrorCode, type ErrorItem, TandemError } from './errors.ts';

/** An error that crosses processes. */
export interface Failure {
  /** Undefined where nobody expected it. */
  code?: ErrorCode;
  message: string;
  items: readonly ErrorItem[];
  fix?: string;
  retryAfter?: number;
}

/** @example process.send?.({ kind: 'failed', failure: failureOf(error) }) */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof TandemError))
    return { message: error instanceof Error ? (error.stack ?? error.message) : String(error), items: [] };
  const { code, message, items, fix, retryAfter } = error;
  return { code, message, items, fix, retryAfter };
}

/**
 * The error again, in the other process.
 * @param what failed, as an error says that nobody expected
 */
export function revived({ code, message, ...options }: Failure, what: string): Error {
  return code ? new TandemError(code, message, options) : new Error(`${what} failed: ${message}`);
}
