import { randomUUID } from 'node:crypto';
import type { Transaction } from 'kysely';
import pMap from 'p-map';
import { TandemError } from '../errors.ts';
import { fileHashesOf, filesOf, restoreContent } from '../modalities/content.ts';
import { leaveToCleaning, removeUnknown } from '../store/artifacts/artifacts.ts';
import { PendingArtifacts } from '../store/artifacts/pending.ts';
import type { Tables } from '../store/database/database.ts';
import { byBytes, type Page } from '../store/database/page.ts';
import type { Store } from '../store/store.ts';
import { checkReading, type DatasetRecord, readRecord, readRecords, recordOf } from './dataset-record.ts';
import type { ColumnNames, Dataset, Example } from './example.ts';
import { examplesKey, importOf, keepExamples } from './examples-file.ts';
import { ImageStore, imageUserOf } from './images.ts';
import { readLines } from './read/text-stream.ts';
import { readStored, type StoredExample } from './stored-example.ts';

/** Images that are fetched at a time, where they lie elsewhere. */
const fetchedAtOnce = 16;

/**
 * The datasets that were imported. They never change, and an image is stored once, whichever of them have it. The id
 * is made of the name and the content, so importing the same again changes nothing.
 * @example
 * const catalogue = new DatasetCatalogue(store);
 * const { record } = await catalogue.add(await readDataset('photos'), 'pets');
 * const dataset = await catalogue.open(record.id);
 */
export class DatasetCatalogue {
  readonly #store: Store;
  readonly #images: ImageStore;
  readonly #pending: PendingArtifacts;

  constructor(store: Store) {
    this.#store = store;
    this.#pending = new PendingArtifacts(store.database);
    this.#images = new ImageStore(store);
  }

  /**
   * Takes a dataset in. When this resolves all of it lasts; a crash before leaves nothing that is listed.
   * @param onProgress counts the distinct images
   * @param importing what the import calls itself, so that it can be abandoned where its process ends
   * @returns the record, and whether it is new
   */
  async add(
    dataset: Dataset,
    name: string,
    onProgress?: (done: number, total: number) => void,
    importing: string = randomUUID(),
  ): Promise<{ record: DatasetRecord; isNew: boolean }> {
    const record = recordOf(dataset, name);
    const images = new Map(dataset.examples.flatMap(({ content }) => filesOf(content)));
    const onAdded = (done: number) => onProgress?.(done, images.size);
    onAdded(0);
    for (let own = importing; ; own = randomUUID()) {
      const known = await this.#find(record.id);
      if (known) {
        await this.#repair(known, dataset.examples, images, onAdded);
        return { record: known.record, isNew: false };
      }
      let isNew = false;
      try {
        await this.#pending.begin(own);
        await this.#images.add(own, images, onAdded);
        const examples = examplesKey(record.id, own);
        await keepExamples(this.#store, examples, dataset.examples);
        isNew = await this.#insert(record, examples, own);
        if (isNew) return { record, isNew };
        await leaveToCleaning(this.#store.artifacts.remove([examples]));
      } finally {
        if (!isNew) await leaveToCleaning(this.#images.release(own));
      }
    }
  }

  /** Releases what an import has stored whose process ended before it was done. One that was done is left alone. */
  async abandon(importing: string): Promise<void> {
    await this.#pending.giveUp(importing);
    const registered = await this.#store.database.query
      .selectFrom('dataset')
      .select('id')
      .where('imageUser', '=', importing)
      .executeTakeFirst();
    if (!registered) await leaveToCleaning(this.#images.release(importing));
  }

  /**
   * Some of them, the newest first, and how many there are.
   * @param page all of them where it is left out; those that cannot be read count like others
   * @returns damaged: those of the page whose record cannot be read, and why
   */
  async list(
    page?: Page,
  ): Promise<{ records: DatasetRecord[]; damaged: { id: string; problem: string }[]; total: number }> {
    const { database } = this.#store;
    const rows = await database.query
      .selectFrom('dataset')
      .select(['id', 'record'])
      .orderBy('createdAt', 'desc')
      .orderBy(byBytes(database, 'id'))
      .$if(page !== undefined, (query) => query.limit(page?.limit ?? 0).offset(page?.offset ?? 0))
      .execute();
    const { records, damaged } = readRecords(rows);
    return { records, damaged, total: page ? await this.#count() : rows.length };
  }

  /** @throws TandemError `unknown-dataset`, naming those there are; `damaged-artifact` */
  async get(id: string): Promise<DatasetRecord> {
    return (await this.#get(id)).record;
  }

  /** The same, or undefined if missing. */
  async find(id: string): Promise<DatasetRecord | undefined> {
    return (await this.#find(id))?.record;
  }

  /** The newest that holds the same as one with this hash, or undefined if missing. */
  async withHash(hash: string): Promise<DatasetRecord | undefined> {
    const row = await this.#store.database.query
      .selectFrom('dataset')
      .select(['id', 'record'])
      .where('hash', '=', hash)
      .orderBy('createdAt', 'desc')
      .executeTakeFirst();
    return row && readRecord(row);
  }

  /** Some of the examples, in their order, or those of one row, with the path of each one's image. */
  async examples(
    id: string,
    {
      offset = 0,
      limit = Number.POSITIVE_INFINITY,
      row,
    }: { offset?: number; limit?: number; row?: number } = {},
  ): Promise<Example[]> {
    const stored: StoredExample[] = [];
    let index = 0;
    for await (const example of this.stored(id)) {
      // They are kept in the order of their rows.
      if (row !== undefined && example.row > row) break;
      if (row !== undefined && example.row < row) continue;
      if (index++ < offset) continue;
      if (stored.length >= limit) break;
      stored.push(example);
    }
    const hashes = new Set(stored.flatMap(({ content }) => fileHashesOf(content)));
    const files = await this.imageFiles(id, hashes);
    return stored.map((example) => ({ ...example, content: restoreContent(example.content, files) }));
  }

  /** The examples as they are kept, one after another, so that not all of them have to be in memory. */
  async *stored(id: string): AsyncGenerator<StoredExample> {
    const { record, examples } = await this.#get(id);
    const file = await this.#store.artifacts.path(examples);
    for await (const line of readLines(file, Number.POSITIVE_INFINITY))
      if (line) yield readStored(line, record);
  }

  /**
   * Where images of a dataset lie on this machine, by their sha256.
   * @throws TandemError `damaged-artifact`, `unknown-dataset`
   */
  async imageFiles(id: string, hashes: ReadonlySet<string>): Promise<Map<string, string>> {
    const { imageUser } = await this.#get(id);
    const keys = await this.#images.keys(imageUser, [...hashes]);
    const fetched = await pMap(
      hashes,
      async (hash) => {
        const key = keys.get(hash);
        if (key) return [hash, await this.#store.artifacts.path(key)] as const;
        throw new TandemError('damaged-artifact', `the dataset ${id} has lost the image ${hash}`);
      },
      { concurrency: fetchedAtOnce },
    );
    return new Map(fetched);
  }

  /**
   * The whole dataset, to train on. Nothing is checked again: it was when it came.
   * @param reading what a caller asked for, which must be how it was read
   * @throws TandemError `unknown-dataset`, `invalid-request` (the reading)
   */
  async open(id: string, reading: Partial<ColumnNames> = {}): Promise<Dataset> {
    const record = await this.get(id);
    checkReading(record, reading);
    const { name, hash, target, labels, notes } = record;
    return { name, target, labels, examples: await this.examples(id), hash, notes };
  }

  /**
   * Makes sure that a dataset is there when a transaction commits that refers to it: no deletion comes between.
   * @throws TandemError `unknown-dataset`
   */
  async claim(transaction: Transaction<Tables>, id: string): Promise<void> {
    const row = await transaction
      .selectFrom('dataset')
      .select('id')
      .where('id', '=', id)
      // SQLite has one writer at a time.
      .$if(this.#store.database.kind === 'postgres', (query) => query.forKeyShare())
      .executeTakeFirst();
    if (!row) throw new TandemError('unknown-dataset', `the dataset ${id} was deleted meanwhile`);
  }

  /**
   * Forgets a dataset, even one whose record is damaged, and every image that no other one has.
   * @param check runs in the same transaction, once those who claimed the dataset have committed; nothing is deleted where it throws
   * @throws TandemError `unknown-dataset`; what `check` throws
   */
  async delete(
    id: string,
    check: (transaction: Transaction<Tables>) => Promise<void> = async () => {},
  ): Promise<void> {
    const row = await this.#row(id);
    if (!row) throw await this.#unknown(id);
    await this.#store.database.exclusively('datasets', async (transaction) => {
      const deleting = transaction.deleteFrom('dataset').where('id', '=', id);
      const { numDeletedRows } = await deleting.executeTakeFirstOrThrow();
      if (Number(numDeletedRows) === 0) throw await this.#unknown(id);
      await check(transaction);
    });
    await leaveToCleaning(this.#store.artifacts.remove([row.examples]));
    await leaveToCleaning(this.#images.release(imageUserOf(row)));
  }

  /** Removes what imports and deletions left that a crash broke off, once nobody can be at it any more. */
  async clean(): Promise<void> {
    await this.#pending.giveUpOld();
    await this.#images.clean();
    await removeUnknown(this.#store.artifacts, 'datasets', async (keys) => {
      const underWay = new Set(await this.#pending.among(keys.map(importOf)));
      const rows = await this.#store.database.query
        .selectFrom('dataset')
        .select('examples')
        .where('examples', 'in', keys)
        .execute();
      const known = rows.map(({ examples }) => examples);
      return new Set([...known, ...keys.filter((key) => underWay.has(importOf(key)))]);
    });
  }

  /** Adds the files of a dataset that are missing, by the means of the same one that came again. */
  async #repair(
    known: { examples: string; imageUser: string },
    examples: readonly Example[],
    images: ReadonlyMap<string, string>,
    onAdded: (done: number) => void,
  ): Promise<void> {
    await this.#images.repair(known.imageUser, images, onAdded);
    if (!(await this.#store.artifacts.has(known.examples)))
      await keepExamples(this.#store, known.examples, examples);
  }

  async #count(): Promise<number> {
    const { count } = await this.#store.database.query
      .selectFrom('dataset')
      .select(({ fn }) => fn.countAll().as('count'))
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  #row(id: string) {
    return this.#store.database.query
      .selectFrom('dataset')
      .select(['id', 'record', 'examples', 'imageUser'])
      .where('id', '=', id)
      .executeTakeFirst();
  }

  async #find(id: string) {
    const row = await this.#row(id);
    return row && { record: readRecord(row), examples: row.examples, imageUser: imageUserOf(row) };
  }

  async #get(id: string) {
    const found = await this.#find(id);
    if (found) return found;
    throw await this.#unknown(id);
  }

  async #unknown(id: string): Promise<TandemError> {
    const known = await this.#store.database.query
      .selectFrom('dataset')
      .select('id')
      .orderBy('createdAt', 'desc')
      .limit(10)
      .execute();
    return new TandemError(
      'unknown-dataset',
      `no dataset has the id ${JSON.stringify(id)}; ${known.length > 0 ? `there are: ${known.map(({ id }) => id).join(', ')}` : 'none was imported yet'}`,
    );
  }

  /** @returns false where the same dataset came in meanwhile, or the import was given up */
  #insert(record: DatasetRecord, examples: string, importing: string): Promise<boolean> {
    const { id, createdAt, hash } = record;
    return this.#store.database.exclusively('datasets', async (transaction) => {
      if (!(await this.#pending.finish(transaction, importing))) return false;
      const there = await transaction
        .selectFrom('dataset')
        .select('id')
        .where('id', '=', id)
        .executeTakeFirst();
      if (there) return false;
      await transaction
        .insertInto('dataset')
        .values({ id, createdAt, record: JSON.stringify(record), examples, imageUser: importing, hash })
        .execute();
      return true;
    });
  }
}
