import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pRetry from 'p-retry';

const run = promisify(execFile);
const mebibyte = 2 ** 20;

/** A small disk of its own: an ext4 file system in a file. */
export class Disk {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @returns why there can be none, where mounting is not permitted */
  static async mount(megabytes: number): Promise<Disk | string> {
    const disk = new Disk(await mkdtemp(path.join(tmpdir(), 'faults-disk-')));
    try {
      await writeFile(disk.#image, '');
      await run('truncate', ['-s', `${megabytes}M`, disk.#image]);
      // Nothing is reserved for root, who runs this.
      await run('mkfs.ext4', ['-q', '-m', '0', disk.#image]);
      await mkdir(disk.path);
      await disk.#mount('errors=remount-ro');
      return disk;
    } catch (error) {
      await rm(disk.#folder, { recursive: true });
      return `no disk can be mounted here, as root and with mkfs.ext4: ${(error as Error).message}`;
    }
  }

  /** Where it is mounted. */
  get path(): string {
    return path.join(this.#folder, 'disk');
  }

  /** Leaves no byte free. */
  async fill(): Promise<void> {
    const file = await open(this.#filler, 'w');
    try {
      for (const size of [mebibyte, 4096])
        while (await file.write(Buffer.alloc(size)).catch(() => undefined));
    } finally {
      await file.close();
    }
  }

  async free(): Promise<void> {
    await rm(this.#filler);
  }

  /** Lets the file system meet an error, upon which the kernel lets nobody write to it any more. */
  async break(): Promise<void> {
    const { stdout } = await run('findmnt', ['-no', 'SOURCE', this.path]);
    await writeFile(`/sys/fs/ext4/${path.basename(stdout.trim())}/trigger_fs_error`, 'a fault on purpose');
  }

  /** Unmounts it, once nobody uses it, mends it, and mounts it again. */
  async remount(mode: 'ro' | 'rw'): Promise<void> {
    await this.#unmount();
    // 1: errors were mended.
    await run('fsck.ext4', ['-p', this.#image]).catch((error) => {
      if (error.code !== 1) throw error;
    });
    await this.#mount(`${mode},errors=remount-ro`);
  }

  async remove(): Promise<void> {
    await this.#unmount();
    await rm(this.#folder, { recursive: true });
  }

  get #image(): string {
    return path.join(this.#folder, 'image');
  }

  get #filler(): string {
    return path.join(this.path, 'filler');
  }

  /** A process that was killed may hold its files for a moment longer than it is seen. */
  async #unmount(): Promise<void> {
    const patience = { retries: 100, minTimeout: 100, factor: 1 };
    await pRetry(() => run('umount', [this.path]), patience);
  }

  async #mount(options: string): Promise<void> {
    await run('mount', ['-o', `loop,${options}`, this.#image, this.path]);
  }
}
