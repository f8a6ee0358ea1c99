import { TandemError } from '../../errors.ts';

/**
 * The error of a download that failed.
 * @param again whether the same request may succeed soon
 */
export class DownloadError extends TandemError {
  readonly again: boolean;

  constructor(
    detail: string,
    options: { fix?: string; cause?: unknown; again?: boolean; retryAfter?: number } = {},
  ) {
    super('model-download', detail, options);
    this.again = options.again ?? false;
  }
}
