/**
 * What is wrong with a file or folder of a dataset whose permissions keep this process out, and the fix in words.
 * @returns undefined where an error says anything else
 * @example problemOfPermissions(error) ?? `it cannot be read (${error.code})`
 */
export function problemOfPermissions(error: unknown): string | undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'EACCES' && code !== 'EPERM') return undefined;
  const uid = process.geteuid?.();
  const user = uid === undefined ? 'the user of this process' : `the user ${uid}, who runs this process,`;
  return `it may not be read: its permissions forbid it; let ${user} read it (chmod, chown)`;
}
