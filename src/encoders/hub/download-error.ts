import { TandemError } from '../../errors.ts';

/**
 * The error of a download that failed.
 * @param options `code`: `unknown-model` where the hub has no such model for this caller; `again`: whether the same request may succeed soon
 */
export class DownloadError extends TandemError {
  readonly again: boolean;

  constructor(
    detail: string,
    {
      code = 'model-download',
      ...options
    }: {
      code?: 'model-download' | 'unknown-model';
      fix?: string;
      cause?: unknown;
      again?: boolean;
      retryAfter?: number;
    } = {},
  ) {
    super(code, detail, options);
    this.again = options.again ?? false;
  }
}
