import { type ErrorItem, TandemError } from '../../errors.ts';

/**
 * The error of a dataset whose reading needs more memory than it may have.
 * @example throw memoryExceeded('photos.zip: the import needed more than 2048 MiB');
 */
export function memoryExceeded(message: string, items?: ErrorItem[]): TandemError {
  return new TandemError('payload-too-large', message, {
    items,
    fix: 'Split the dataset into several, or let imports use more memory (--import-memory).',
  });
}
