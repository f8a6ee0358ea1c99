import path from 'node:path';

/** Encoders of one modality whose features a head may take together. */
export const mostTogether = 4;

/**
 * The encoders of a modality that a text names: `+` or a comma stands between. A folder's name may have a `+` in it.
 * @example separateNames('dinov2-small+clip') // ['dinov2-small', 'clip']
 */
export function separateNames(text: string): string[] {
  return text
    .split(',')
    .flatMap((name) => (isFolder(name) ? [name] : name.split('+')))
    .map((name) => name.trim());
}

/** Whether the name of an encoder is a path, as `./encoder` and `/models/encoder` are. */
export function isFolder(name: string): boolean {
  return path.isAbsolute(name) || /^\.{1,2}($|[\\/])/.test(name);
}
