import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'kysely';
import { expect, it, onTestFinished, vi } from 'vitest';
import { ImageStore } from '../../../src/datasets/images.ts';
import { lockData } from '../../../src/store/database/data-lock.ts';
import type { Database } from '../../../src/store/database/database.ts';
import { openDatabase } from '../../../src/store/database/open-database.ts';
import { storageError } from '../../../src/store/storage-error.ts';
import { temporaryStore } from '../../unit/store/test-store.ts';

async function dataFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'database-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return path.join(folder, 'data');
}

const job = {
  id: 'a',
  createdAt: '2026-01-31T12:00:00.000Z',
  state: 'queued',
  priority: 0,
  runner: null,
  job: '{}',
  task: '{}',
  cancelled: 0,
};

it('keeps what was written, and leaves it alone when it is opened again', async () => {
  const data = await dataFolder();
  const first = await temporaryStore(data);
  await first.database.query.insertInto('job').values(job).execute();
  const second = await temporaryStore(data);
  expect(await second.database.query.selectFrom('job').select('id').execute()).toEqual([{ id: 'a' }]);
});

it('brings the tables of every earlier version up to date, and loses nothing', async () => {
  const data = await dataFolder();
  await mkdir(data);
  const earlier = new DatabaseSync(path.join(data, 'tandem.sqlite'));
  // As 001-jobs left it.
  earlier.exec(`
    CREATE TABLE "kysely_migration" ("name" varchar(255) NOT NULL PRIMARY KEY, "timestamp" varchar(255) NOT NULL);
    CREATE TABLE "kysely_migration_lock" ("id" varchar(255) NOT NULL PRIMARY KEY, "is_locked" integer DEFAULT 0 NOT NULL);
    INSERT INTO "kysely_migration" VALUES ('001-jobs', '2026-11-01T12:00:00.000Z');
    INSERT INTO "kysely_migration_lock" VALUES ('migration_lock', 0);
    CREATE TABLE "job" ("id" text PRIMARY KEY, "createdAt" text NOT NULL, "job" text NOT NULL, "task" text NOT NULL, "cancelled" integer NOT NULL);
    CREATE TABLE "jobEvent" ("jobId" text NOT NULL REFERENCES "job" ("id"), "number" integer NOT NULL, "type" text NOT NULL, "job" text NOT NULL, PRIMARY KEY ("jobId", "number"));
    INSERT INTO "job" VALUES ('a', '2026-11-01T12:00:00.000Z', '{"id":"a","state":"succeeded"}', '{}', 0);
    INSERT INTO "jobEvent" VALUES ('a', 1, 'state', '{}');`);
  earlier.close();
  const database = await openDatabase(data);
  expect(await database.query.selectFrom('job').select(['id', 'state', 'priority']).execute()).toEqual([
    { id: 'a', state: 'succeeded', priority: 0 },
  ]);
  expect(await database.query.selectFrom('jobEvent').selectAll().execute()).toHaveLength(1);
  await database.close();
});

it('says that there is no space, and goes on with what fits', async () => {
  const database = await openDatabase(await dataFolder());
  onTestFinished(() => database.close());
  const add = (id: string, characters: number) =>
    database.exclusively('jobs', async (transaction) => {
      const row = { ...job, id, task: 'x'.repeat(characters) };
      await transaction.insertInto('job').values(row).execute();
    });
  await sql`pragma max_page_count = 100`.execute(database.query);
  const error = await add('large', 1_000_000).catch((error) => error);
  expect(storageError(error)?.message).toMatch(/^the disk is full/);
  await add('small', 1);
  expect(await database.query.selectFrom('job').select('id').execute()).toEqual([{ id: 'small' }]);
});

it('says what is the matter where the data folder cannot be made', async () => {
  const file = await dataFolder();
  await writeFile(file, '');
  await expect(openDatabase(path.join(file, 'data'))).rejects.toMatchObject({
    code: 'invalid-configuration',
    message: expect.stringContaining(`the data folder ${path.join(file, 'data')} cannot be made`),
  });
});

it.runIf(process.platform === 'linux')('does not wait for a place that takes no folders', async () => {
  await expect(openDatabase('/proc/tandem/data')).rejects.toMatchObject({
    code: 'invalid-configuration',
    message: expect.stringContaining('/proc takes no new folders'),
  });
});

it('may be opened for the first time by several at once', async () => {
  const data = await dataFolder();
  const stores = await Promise.all([1, 2, 3].map(() => temporaryStore(data)));
  for (const [index, { database }] of stores.entries())
    await database.query
      .insertInto('job')
      .values({ ...job, id: String(index) })
      .execute();
  expect(await stores[0].database.query.selectFrom('job').select('id').execute()).toHaveLength(3);
});

it('takes a change of several tables as a whole or not at all', async () => {
  const { database } = await temporaryStore();
  const change = database.exclusively('jobs', async (transaction) => {
    await transaction.insertInto('job').values(job).execute();
    await transaction.insertInto('job').values(job).execute();
  });
  await expect(change).rejects.toThrow(/unique/i);
  expect(await database.query.selectFrom('job').selectAll().execute()).toEqual([]);
});

it('lets one after the other change the same thing, in whichever process they are', async () => {
  const data = await dataFolder();
  const stores = [await temporaryStore(data), await temporaryStore(data)];
  await stores[0].database.query
    .insertInto('job')
    .values({ ...job, priority: 0 })
    .execute();
  const addOne = (index: number) =>
    stores[index % 2].database.exclusively('jobs', async (transaction) => {
      const { priority } = await transaction.selectFrom('job').select('priority').executeTakeFirstOrThrow();
      await transaction
        .updateTable('job')
        .set({ priority: priority + 1 })
        .execute();
    });
  // Two processes of SQLite wait for each other synchronously; here they are one, so they take turns.
  if (stores[0].database.kind === 'sqlite') for (let index = 0; index < 20; index++) await addOne(index);
  else await Promise.all(Array.from({ length: 20 }, (_, index) => addOne(index)));
  const { priority } = await stores[0].database.query
    .selectFrom('job')
    .select('priority')
    .executeTakeFirstOrThrow();
  expect(priority).toBe(20);
});

it.runIf(process.env.TEST_DATABASE_URL)(
  'lets one server clean at a time, another once it is done, and each other thing meanwhile',
  async () => {
    const data = await dataFolder();
    const [one, other] = [await temporaryStore(data), await temporaryStore(data)];
    const done = Promise.withResolvers<string>();
    const begun = Promise.withResolvers<void>();
    const cleaning = one.database.ifNobodyElse('cleaning', () => {
      begun.resolve();
      return done.promise;
    });
    await begun.promise;
    const work = vi.fn(async () => 'cleaned');
    expect(await other.database.ifNobodyElse('cleaning', work)).toBeUndefined();
    expect(work).not.toHaveBeenCalled();
    expect(await other.database.ifNobodyElse('something else', work)).toBe('cleaned');
    done.resolve('first');
    expect(await cleaning).toBe('first');
    expect(await other.database.ifNobodyElse('cleaning', work)).toBe('cleaned');
    const failing = () => Promise.reject(new Error('it fails'));
    await expect(one.database.ifNobodyElse('cleaning', failing)).rejects.toThrow('it fails');
    expect(await other.database.ifNobodyElse('cleaning', work)).toBe('cleaned');
  },
);

it.runIf(process.env.TEST_DATABASE_URL)(
  'is opened while others drop and rename what is in schemas of their own',
  async () => {
    const others = await temporaryStore();
    const opened = new AbortController();
    const dropping = (async () => {
      while (!opened.signal.aborted) {
        await others.database.query.schema.createTable('passing').addColumn('id', 'text').execute();
        await pause(15);
        await others.database.query.schema.alterTable('passing').renameColumn('id', 'key').execute();
        await pause(15);
        await others.database.query.schema.dropTable('passing').execute();
      }
    })();
    try {
      for (let index = 0; index < 30; index++) await temporaryStore();
    } finally {
      opened.abort();
    }
    await dropping;
  },
);

it('says by its mark that something was changed, by itself or by another', async () => {
  const data = await dataFolder();
  const [one, other] = [await temporaryStore(data), await temporaryStore(data)];
  for (const changing of [one, other]) {
    const before = one.database.mark();
    await changing.database.exclusively('jobs', (transaction) =>
      transaction
        .insertInto('job')
        .values({ ...job, id: crypto.randomUUID() })
        .execute(),
    );
    await expect.poll(() => one.database.mark()).not.toBe(before);
  }
});

it('keeps a second server off the data until the first is gone, however it went', async () => {
  const data = await dataFolder();
  const script = `import { lockData } from ${JSON.stringify(path.resolve('src/store/database/data-lock.ts'))};
    await lockData(${JSON.stringify(data)});
    console.log('locked');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  await expect(lockData(data)).rejects.toMatchObject({
    code: 'data-in-use',
    message: expect.stringContaining('another process holds'),
  });
  child.kill('SIGKILL');
  await once(child, 'exit');
  (await lockData(data))();
});

it.each([
  ['mysql://localhost/tandem', 'postgres://'],
  ['postgres://localhost/tandem?schema=Robert"', 'must be up to 48'],
])('refuses the address %s', async (address, reason) => {
  await expect(openDatabase('nowhere', address)).rejects.toMatchObject({
    code: 'invalid-configuration',
    message: expect.stringContaining(reason),
  });
});

it('says that a database is away, not that something is wrong here', async () => {
  await expect(openDatabase('nowhere', 'postgres://127.0.0.1:1/tandem')).rejects.toMatchObject({
    code: 'storage-unavailable',
  });
});

it('refuses a database file that is damaged, and names it and what to do', async () => {
  const data = await dataFolder();
  const database = await openDatabase(data);
  for (let index = 0; index < 200; index++)
    await database.query
      .insertInto('job')
      .values({ ...job, id: String(index), task: 'x'.repeat(2000) })
      .execute();
  await database.close();
  const file = path.join(data, 'tandem.sqlite');
  const whole = await readFile(file);
  const damages = {
    'no database at all': Buffer.from(
      'this is no database, but it is long enough to be looked at\n'.repeat(99),
    ),
    'cut off': whole.subarray(0, whole.length / 2),
    'overwritten in the middle': Buffer.from(whole).fill(0x5a, whole.length / 2, whole.length / 2 + 8192),
  };
  for (const [damage, bytes] of Object.entries(damages)) {
    await writeFile(file, bytes);
    await expect(openDatabase(data), damage).rejects.toMatchObject({
      code: 'damaged-artifact',
      message: expect.stringContaining(`${file} is damaged`),
      fix: expect.stringContaining('restore a backup'),
    });
  }
  await writeFile(file, whole);
  await (await openDatabase(data)).close();
});

it('refuses a database file whose index does not know all rows', async () => {
  const data = await dataFolder();
  const database = await openDatabase(data);
  const hash = '0123456789abcdef'.repeat(4);
  await database.query
    .insertInto('imageUse')
    .values({ user: 'somebody', hash, importedAt: null, key: `images/01/${hash}` })
    .execute();
  await database.close();
  const file = path.join(data, 'tandem.sqlite');
  const bytes = await readFile(file);
  // It is in the table and in two indexes.
  bytes.write('f', bytes.indexOf(hash));
  await writeFile(file, bytes);
  await expect(openDatabase(data)).rejects.toMatchObject({
    code: 'damaged-artifact',
    message: expect.stringMatching(/missing from index/),
  });
});

/** The tables as they were before images had the names that they have now. */
async function undoImageNames({ query }: Database): Promise<void> {
  for (const later of ['idempotentRequest', 'headAcceptance', 'session'])
    await query.schema.dropTable(later).execute();
  await query.schema.dropIndex('datasetByHash').execute();
  await query.schema.alterTable('dataset').dropColumn('hash').execute();
  await query.schema.alterTable('imageUse').renameTo('pictureUse').execute();
  await query.schema.alterTable('dataset').renameColumn('imageUser', 'pictureUser').execute();
}

it('finds the images of earlier releases where those put them, and puts new ones under their own name', async () => {
  const data = await dataFolder();
  const earlier = await temporaryStore(data);
  await undoImageNames(earlier.database);
  const { query } = earlier.database;
  await sql`delete from kysely_migration where name >= '009-image-names'`.execute(query);
  const hashes = ['a', 'b', 'c'].map((digit) => digit.repeat(64));
  const moved = `pictures/bb-0123456789ab/${hashes[1]}`;
  for (const [hash, key] of [
    [hashes[0], null],
    [hashes[1], moved],
  ])
    await sql`insert into "pictureUse" ("user", hash, "importedAt", "key") values ('pets-1', ${hash}, null, ${key})`.execute(
      query,
    );
  const file = path.join(data, 'any.png');
  await writeFile(file, 'any');
  const old = [`pictures/aa/${hashes[0]}`, moved];
  await earlier.artifacts.add(old.map((key) => [key, file]));
  const images = new ImageStore(await temporaryStore(data));
  expect(await images.keys('pets-1', hashes)).toEqual(
    new Map([
      [hashes[0], `pictures/aa/${hashes[0]}`],
      [hashes[1], moved],
    ]),
  );
  await images.add('pets-2', new Map(hashes.map((hash) => [hash, file])));
  expect((await images.keys('pets-2', hashes)).get(hashes[0] ?? '')).toBe(`pictures/aa/${hashes[0]}`);
  expect((await images.keys('pets-2', hashes)).get(hashes[2] ?? '')).toMatch(/^images\/cc-[0-9a-f]{12}\/c+$/);
  await images.release('pets-2');
  await images.release('pets-1');
  expect(await Array.fromAsync(earlier.artifacts.list('pictures'))).toEqual([]);
});

it('takes heads of an earlier release for imported, but for those that a job has made', async () => {
  const data = await dataFolder();
  const { database: earlier } = await temporaryStore(data);
  await earlier.query.schema.alterTable('headVersion').dropColumn('origin').execute();
  for (const column of ['attempts', 'countedFrom'])
    await earlier.query.schema.alterTable('job').dropColumn(column).execute();
  await undoImageNames(earlier);
  await sql`delete from kysely_migration where name >= '006-head-origin'`.execute(earlier.query);
  const row = { name: 'pets', createdAt: '', folder: 'heads/pets', files: '{}', manifest: '{}' };
  await earlier.query
    .insertInto('headVersion')
    .values([
      { ...row, version: 1, job: 'job-1' },
      { ...row, version: 2, job: null },
    ])
    .execute();
  const { database } = await temporaryStore(data);
  // An earlier release beside this one knows nothing of the column.
  await earlier.query
    .insertInto('headVersion')
    .values({ ...row, version: 3, job: 'job-3' })
    .execute();
  const rows = await database.query.selectFrom('headVersion').select(['version', 'origin']).execute();
  expect(rows.sort((one, other) => one.version - other.version)).toEqual([
    { version: 1, origin: 'trained' },
    { version: 2, origin: 'imported' },
    { version: 3, origin: 'imported' },
  ]);
});

it('finds datasets of an earlier release by their hash, and passes over those that are damaged', async () => {
  const data = await dataFolder();
  const { database: earlier } = await temporaryStore(data);
  await earlier.query.schema.dropIndex('datasetByHash').execute();
  await earlier.query.schema.alterTable('dataset').dropColumn('hash').execute();
  await earlier.query.schema.dropTable('session').execute();
  await sql`delete from kysely_migration where name >= '012-dataset-hash'`.execute(earlier.query);
  const records = { good: JSON.stringify({ hash: 'a1' }), none: '{}', cut: '{"hash":"a1"' };
  for (const [id, record] of Object.entries(records))
    await sql`insert into dataset (id, "createdAt", record, examples) values (${id}, '', ${record}, '')`.execute(
      earlier.query,
    );
  const { database } = await temporaryStore(data);
  const rows = await database.query.selectFrom('dataset').select(['id', 'hash']).orderBy('id').execute();
  expect(rows).toEqual([
    { id: 'cut', hash: null },
    { id: 'good', hash: 'a1' },
    { id: 'none', hash: null },
  ]);
});

it('works on tables to which a later release has added something, and refuses those that it cannot use', async () => {
  const data = await dataFolder();
  const database = await openDatabase(data);
  const later = (name: string, compatibleSince: string) =>
    sql`insert into kysely_migration (name, timestamp) values (${name}, '2027-01-31T12:00:00.000Z')`
      .execute(database.query)
      .then(() =>
        database.query
          .updateTable('storeFact')
          .set({ value: compatibleSince })
          .where('name', '=', 'compatibleSince')
          .execute(),
      );
  await later('901-more', '004-artifact-keys');
  await (await openDatabase(data)).close();
  await later('902-other', '902-other');
  await expect(openDatabase(data)).rejects.toMatchObject({
    code: 'newer-store',
    message: expect.stringMatching(
      /changed by 901-more, 902-other, and this release knows them up to \d{3}-/,
    ),
  });
  await database.close();
});

it('says of a text that no database can hold that it cannot be stored', async () => {
  const { database } = await temporaryStore();
  const asked = database.query.selectFrom('job').select('id').where('id', '=', 'a\0b').execute();
  await expect(asked).rejects.toMatchObject({
    code: 'invalid-request',
    message: expect.stringContaining('U+0000'),
  });
});
