import { TandemError } from '../../errors.ts';

export interface ArchiveLimits {
  /** Most files and folders in an archive. */
  entries: number;
  /** Most bytes of all files together, unpacked. */
  bytes: number;
  /** How many times larger than its packed form a file may be; files below 1 MiB may be packed any tighter. */
  ratio: number;
}

export const defaultArchiveLimits: ArchiveLimits = { entries: 500_000, bytes: 16 * 2 ** 30, ratio: 200 };

/** Small files are no bombs, however well they pack: a list of labels may shrink a thousandfold. */
export const ratioExempt = 2 ** 20;

/** The same for all files of an archive together. */
export const totalRatioExempt = 64 * 2 ** 20;

/** Folders that may lead to a file, and bytes of all names together. */
const maximumDepth = 32;
const maximumNameBytes = 64 * 2 ** 20;

/**
 * The entries of one archive, checked one after another, whatever its format: their names, their number and their
 * sizes. Nothing here touches the disk.
 * @example
 * const entries = new EntryList(defaultArchiveLimits);
 * const path = entries.add({ name: 'cat/a.jpg', kind: 'file', bytes: 1234 }); // ['cat', 'a.jpg']
 * entries.finish();
 */
export class EntryList {
  readonly #limits: ArchiveLimits;
  readonly #folders = new Set<string>();
  readonly #files = new Set<string>();
  #count = 0;
  #bytes = 0;
  #nameBytes = 0;

  constructor(limits: ArchiveLimits) {
    this.#limits = limits;
  }

  /**
   * @param bytes size, unpacked
   * @returns the names of the folders that lead to a file, then its own; undefined where there is nothing to write: a
   *   folder, or what macOS and Windows leave
   * @throws TandemError `invalid-dataset` that names the entry and says what is wrong
   */
  add({ name, kind, bytes }: { name: string; kind: 'file' | 'folder'; bytes: number }): string[] | undefined {
    this.#count++;
    this.#bytes += bytes;
    if (this.#count > this.#limits.entries)
      throw refuse('the archive', `it has more than ${this.#limits.entries} entries`);
    const path = checkName(name);
    if (this.#bytes > this.#limits.bytes)
      throw refuse(name, `the files would take more than ${this.#limits.bytes} bytes`);
    this.#nameBytes += Buffer.byteLength(name);
    if (this.#nameBytes > maximumNameBytes)
      throw refuse(name, `the names of the files have more than ${maximumNameBytes / 2 ** 20} MiB in all`);
    if (isClutter(path)) return undefined;
    // From the deepest up: above a folder that is known all are.
    for (let depth = path.length - 1; depth > 0; depth--)
      if (!this.#addFolder(path.slice(0, depth).join('/'))) break;
    const whole = path.join('/');
    if (kind === 'folder') {
      this.#addFolder(whole);
      return undefined;
    }
    if (this.#files.has(whole)) throw refuse(name, 'it is in the archive twice');
    if (this.#folders.has(whole)) throw refuse(whole, 'it is both a file and a folder');
    this.#files.add(whole);
    return path;
  }

  /** @returns whether it is new */
  #addFolder(folder: string): boolean {
    if (this.#files.has(folder)) throw refuse(folder, 'it is both a file and a folder');
    if (this.#folders.has(folder)) return false;
    this.#folders.add(folder);
    if (this.#folders.size > this.#limits.entries)
      throw refuse('the archive', `it has more than ${this.#limits.entries} folders`);
    return true;
  }

  /** @throws TandemError `invalid-dataset` where there was no file to write */
  finish(): void {
    if (this.#files.size === 0) throw refuse('the archive', 'it holds no files');
  }
}

/** What is wrong with one entry of an archive, as an error. */
export function refuse(at: string, detail: string, cause?: unknown): TandemError {
  const shown = at.length > 200 ? `${at.slice(0, 60)}…` : at;
  return new TandemError('invalid-dataset', `the archive cannot be used: ${shown}: ${detail}`, {
    items: [{ at: shown, detail }],
    cause,
  });
}

/** Backslashes separate, too: archives made on old Windows have them. */
function checkName(name: string): string[] {
  const parts = name.split(/[/\\]/);
  if (parts[0] === '' || /^[a-z]:/i.test(name)) throw refuse(name, 'its name is an absolute path');
  const path = parts.filter((part) => part !== '' && part !== '.');
  if (path.includes('..')) throw refuse(name, 'its name leads out of the folder');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be in a name
  if (/[\x00-\x1f\x7f]/.test(name)) throw refuse(name, 'its name has control characters in it');
  if (path.some((part) => Buffer.byteLength(part) > 255) || Buffer.byteLength(name) > 2048)
    throw refuse(name, 'its name is too long');
  if (path.length > maximumDepth + 1) throw refuse(name, `it lies deeper than ${maximumDepth} folders`);
  return path;
}

function isClutter(path: string[]): boolean {
  const [name] = path.slice(-1);
  return (
    name === undefined ||
    path[0] === '__MACOSX' ||
    /^(\.DS_Store|Thumbs\.db|desktop\.ini|PaxHeader|\._.*)$/i.test(name)
  );
}
