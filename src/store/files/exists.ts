import { access } from 'node:fs/promises';

/** Whether there is a file or folder that can be reached. */
export function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
