import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, sep, win32 } from 'node:path';
import { quote } from '../../quote.ts';
import { problemOfPermissions } from '../../store/files/permissions.ts';

/**
 * Finds a file that a dataset names, and makes sure that it is one of the dataset's own, unless that may lie anywhere: no
 * absolute path, no `..`, no symbolic link that leads out. Backslashes separate, as in files written on Windows.
 * @param reading `root` is the dataset's folder, as `realpath` gives it; with `followLinks` files may lie anywhere
 * @param folder the folder that `name` is relative to: the root or one below it
 * @returns the absolute path with every link resolved, or what is wrong in words
 */
export async function findInside(
  { root, followLinks: mayLeave }: { root: string; followLinks: boolean },
  folder: string,
  name: string,
): Promise<{ path: string } | { problem: string }> {
  const quoted = quote(name);
  if (!mayLeave && (isAbsolute(name) || win32.isAbsolute(name) || /^[a-z]:/i.test(name))) {
    return { problem: `${quoted} is an absolute path; name files relative to the dataset's folder` };
  }
  const parts = name.split(/[/\\]/);
  if ((!mayLeave && parts.includes('..')) || name.includes('\0'))
    return { problem: `${quoted} leads out of the dataset's folder` };
  try {
    const path = await realpath(isAbsolute(name) ? name : join(folder, ...parts));
    if (!mayLeave && !path.startsWith(root + sep))
      return { problem: `${quoted} is a link that leads out of the dataset's folder` };
    if (!(await stat(path)).isFile()) return { problem: `${quoted} is not a file` };
    return { path };
  } catch (error) {
    return { problem: describe(quoted, error as NodeJS.ErrnoException) };
  }
}

function describe(quoted: string, error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return `there is no file ${quoted}`;
  if (error.code === 'ELOOP') return `${quoted} is a link to itself`;
  const problem = problemOfPermissions(error) ?? `it cannot be read (${error.code})`;
  return `${quoted}: ${problem}`;
}
