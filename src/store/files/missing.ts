/**
 * For what may not be there: undefined instead of the error that says so. Any other error is thrown.
 * @example const found = await stat(file).catch(missing);
 */
export function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}
