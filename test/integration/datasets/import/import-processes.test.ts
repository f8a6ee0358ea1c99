import { execFile } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { ImportProcesses } from '../../../../src/datasets/import/import-processes.ts';
import { TandemError } from '../../../../src/errors.ts';
import type { Database } from '../../../../src/store/database/database.ts';
import type { Store } from '../../../../src/store/store.ts';
import { folderWith, temporaryFolder } from '../../../unit/datasets/sample.ts';
import { temporaryStore } from '../../../unit/store/test-store.ts';

const { signal } = new AbortController();

async function startImports(store: Store) {
  const workspace = await temporaryFolder();
  const imports = new ImportProcesses(store, workspace, { memory: 1024, timeout: 60_000 });
  onTestFinished(() => imports.close());
  return { imports, workspace };
}

it('says why an import failed, also where it cannot be cleaned up since the store is away', async () => {
  const store = await temporaryStore();
  // As a full disk does: nothing can be changed, and everything read.
  const full: Database = {
    ...store.database,
    exclusively: () => Promise.reject(new TandemError('storage-unavailable', 'the disk is full')),
  };
  const { imports } = await startImports(Object.assign(Object.create(store), { database: full }));
  const folder = await folderWith({ 'metadata.csv': 'text,label\nonly one,a\n' });
  await expect(imports.import({ folder }, {}, signal)).rejects.toMatchObject({ code: 'invalid-dataset' });
});

it('waits at its close until what it ends is cleaned up', async () => {
  const rows = Array.from({ length: 200_000 }, (_, row) => `text ${row},${row % 2 ? 'odd' : 'even'}\n`);
  const folder = await temporaryFolder();
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'metadata.csv'), `text,label\n${rows.join('')}`);
  const { imports, workspace } = await startImports(await temporaryStore());
  const ended = imports.import({ folder }, {}, signal).catch((error) => error);
  await expect.poll(() => readdir(workspace), { interval: 5 }).toHaveLength(1);
  await imports.close();
  expect(await readdir(workspace)).toEqual([]);
  expect(await ended).toMatchObject({ code: 'overloaded' });
});

/** Import processes that this one has started and that run. */
async function children(): Promise<string[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'ppid=,args=']);
  return stdout
    .split('\n')
    .filter((line) => line.trim().startsWith(`${process.pid} `) && line.includes('import-process'));
}

it('has a process ready for the next import, and ends it when it is closed', async () => {
  const { imports } = await startImports(await temporaryStore());
  const folder = await folderWith({ 'metadata.csv': 'text,label\none,a\ntwo,b\nthree,a\nfour,b\n' });
  expect(await children()).toEqual([]);
  await imports.try({ folder }, {}, signal);
  expect(await children()).toHaveLength(1);
  await imports.close();
  await expect.poll(children).toEqual([]);
});
