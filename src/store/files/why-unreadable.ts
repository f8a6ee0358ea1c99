const reasons: Partial<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'it may not be read',
};

/**
 * Why a file that a person named cannot be read, in their words.
 * @example await readFile(file).catch((error) => { throw new Error(`${file}: ${whyUnreadable(error)}`); });
 */
export function whyUnreadable(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return reasons[code ?? ''] ?? message;
}
