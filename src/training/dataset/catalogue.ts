import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { TandemError } from '../../errors.ts';
import { removeLeftovers, syncToDisk, writeFolder } from '../../store/durable.ts';
import { PictureStore } from '../../store/pictures.ts';
import { concurrently } from './concurrently.ts';
import { countExamples } from './counts.ts';
import type { Dataset, Example } from './dataset.ts';

const countsSchema = z.object({
  examples: z.int(),
  images: z.int(),
  texts: z.int(),
  distinctImages: z.int(),
  train: z.int(),
  test: z.int(),
  labels: z.array(z.object({ label: z.string(), examples: z.int() })),
});

/** A dataset that was imported, as `dataset.json` keeps it. */
export const recordSchema = z.object({
  format: z.literal(1),
  id: z.string(),
  name: z.string(),
  /** See `Dataset.hash`: what the dataset holds, wherever it came from. */
  hash: z.string(),
  /** See `Dataset`. */
  target: z.enum(['single', 'multi', 'regression']).default('single'),
  labelSeparator: z.string().default('|'),
  labels: z.array(z.string()),
  createdAt: z.iso.datetime(),
  counts: countsSchema,
  notes: z.array(z.string()),
});

export type DatasetRecord = z.infer<typeof recordSchema>;

/** An example as it is kept: its picture by content. */
export type StoredExample = Omit<Example, 'image'>;

const files = { record: 'dataset.json', examples: 'examples.jsonl' };
const picturesAtOnce = 8;

/**
 * The datasets that were imported: immutable folders `<data>/catalogue/<id>`, their pictures stored once each in
 * `<data>/pictures`. The id is made of the name and the content, so importing the same again changes nothing.
 * @example
 * const catalogue = new DatasetCatalogue('data');
 * const { record } = await catalogue.add(await readDataset('photos'), 'pets');
 * const dataset = await catalogue.open(record.id);
 */
export class DatasetCatalogue {
  readonly #folder: string;
  readonly #pictures: PictureStore;
  /** One change at a time: what is deleted must not be what an import just found there. */
  #changing: Promise<unknown> = Promise.resolve();

  /** @param data the folder of all data */
  constructor(data: string) {
    this.#folder = path.resolve(data, 'catalogue');
    this.#pictures = new PictureStore(path.join(data, 'pictures'));
  }

  /**
   * Takes a dataset in. When this resolves all of it is on the disk; a crash before leaves nothing that is listed.
   * @param onProgress counts the distinct pictures
   * @returns the record, and whether it is new
   */
  add(
    dataset: Dataset,
    name: string,
    onProgress?: (done: number, total: number) => void,
  ): Promise<{ record: DatasetRecord; isNew: boolean }> {
    return this.#change(async () => {
      const id = `${slug(name)}-${identify(dataset)}`;
      const known = await this.get(id).catch(() => undefined);
      if (known) return { record: known, isNew: false };
      const pictures = new Map(
        dataset.examples.flatMap(({ image, imageHash }) => (image && imageHash ? [[imageHash, image]] : [])),
      );
      let done = 0;
      await concurrently([...pictures], picturesAtOnce, async ([hash, file]) => {
        await this.#pictures.add(hash, file);
        onProgress?.(++done, pictures.size);
      });
      await this.#pictures.flush();
      const record: DatasetRecord = {
        format: 1,
        id,
        name,
        hash: dataset.hash,
        target: dataset.target,
        labelSeparator: dataset.labelSeparator,
        labels: dataset.labels,
        createdAt: new Date().toISOString(),
        counts: countExamples(dataset.examples),
        notes: dataset.notes,
      };
      await writeFolder(path.join(this.#folder, id), async (folder) => {
        const lines = dataset.examples.map(({ image: _, ...example }) => `${JSON.stringify(example)}\n`);
        await writeFile(path.join(folder, files.examples), lines);
        await writeFile(path.join(folder, files.record), `${JSON.stringify(record, null, 2)}\n`);
      });
      return { record, isNew: true };
    });
  }

  /** All of them, the newest first. */
  async list(): Promise<DatasetRecord[]> {
    const records = await Promise.all((await this.#ids()).map((id) => this.get(id)));
    return records.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
  }

  /** @throws TandemError `unknown-dataset`, naming those there are; `damaged-artifact` */
  async get(id: string): Promise<DatasetRecord> {
    if (!(await this.#ids()).includes(id)) {
      const known = (await this.#ids()).slice(0, 10).join(', ') || 'none';
      throw new TandemError(
        'unknown-dataset',
        `no dataset has the id ${JSON.stringify(id)}; there are: ${known}`,
      );
    }
    const file = path.join(this.#folder, id, files.record);
    return readFile(file, 'utf8')
      .then((text) => recordSchema.parse(JSON.parse(text)))
      .catch((error) => {
        throw new TandemError('damaged-artifact', `${file} cannot be used: ${error.message}`, {
          cause: error,
        });
      });
  }

  /** Some of the examples, in their order, with the path of each one's picture. */
  async examples(id: string, { offset = 0, limit = Number.POSITIVE_INFINITY } = {}): Promise<Example[]> {
    await this.get(id);
    const examples: Example[] = [];
    let index = 0;
    const lines = createInterface({ input: createReadStream(path.join(this.#folder, id, files.examples)) });
    for await (const line of lines) {
      if (index++ < offset) continue;
      if (examples.length >= limit) break;
      const stored: StoredExample = JSON.parse(line);
      const { imageHash } = stored;
      examples.push(imageHash ? { ...stored, image: this.#pictures.path(imageHash) } : stored);
    }
    lines.close();
    return examples;
  }

  /** The whole dataset, to train on. Nothing is checked again: it was when it came. */
  async open(id: string): Promise<Dataset> {
    const { name, hash, target, labelSeparator, labels, notes } = await this.get(id);
    const examples = await this.examples(id);
    const folder = path.join(this.#folder, id);
    return { name, folder, target, labelSeparator, labels, examples, hash, notes };
  }

  /**
   * Forgets a dataset, and every picture that no other one has.
   * @throws TandemError `unknown-dataset`
   */
  delete(id: string): Promise<void> {
    return this.#change(async () => {
      await this.get(id);
      const gone = path.join(this.#folder, `.${id}.deleted`);
      await rm(gone, { recursive: true, force: true });
      await rename(path.join(this.#folder, id), gone);
      await syncToDisk(this.#folder);
      await rm(gone, { recursive: true });
      const needed = new Set<string>();
      for (const other of await this.#ids())
        for (const { imageHash } of await this.examples(other)) if (imageHash) needed.add(imageHash);
      for (const hash of await this.#pictures.list())
        if (!needed.has(hash)) await this.#pictures.remove(hash);
    });
  }

  /** Removes what imports and deletions left that a crash broke off, once nobody can be at it any more. */
  async clean(): Promise<void> {
    await removeLeftovers(this.#folder);
    await this.#pictures.clean();
  }

  async #ids(): Promise<string[]> {
    const names = await readdir(this.#folder).catch((error) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    return names.filter((name) => !name.startsWith('.'));
  }

  #change<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#changing.then(work);
    this.#changing = result.catch(() => {});
    return result;
  }
}

/** Twelve digits of what the dataset holds and of how its labels are read. */
function identify({ hash, target, labelSeparator, labels }: Dataset): string {
  if (target === 'single') return hash.slice(0, 12);
  const reading = JSON.stringify([hash, target, labelSeparator, labels]);
  return createHash('sha256').update(reading).digest('hex').slice(0, 12);
}

/** What of a name may stand in an address and in a file's name. */
function slug(name: string): string {
  const plain = name.normalize('NFKD').toLowerCase().replaceAll(/\p{M}/gu, '');
  return (
    plain
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-+|-+$/g, '')
      .slice(0, 40) || 'dataset'
  );
}
