import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../../src/store/database.ts';

async function dataFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'database-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return path.join(folder, 'data');
}

const job = { id: 'a', createdAt: '2026-01-31T12:00:00.000Z', job: '{}', task: '{}', cancelled: 0 };

it('keeps what was written, and leaves it alone when it is opened again', async () => {
  const data = await dataFolder();
  const first = await openDatabase(data);
  await first.insertInto('job').values(job).execute();
  await first.destroy();
  const second = await openDatabase(data);
  expect(await second.selectFrom('job').select('id').execute()).toEqual([{ id: 'a' }]);
  await second.destroy();
});

it('takes a change of several tables as a whole or not at all', async () => {
  const database = await openDatabase(await dataFolder());
  const change = database.transaction().execute(async (transaction) => {
    await transaction.insertInto('job').values(job).execute();
    await transaction.insertInto('job').values(job).execute();
  });
  await expect(change).rejects.toThrow(/UNIQUE/);
  expect(await database.selectFrom('job').selectAll().execute()).toEqual([]);
  await database.destroy();
});

it('keeps a second process out until the first is gone, however it went', async () => {
  const data = await dataFolder();
  const script = `import { openDatabase } from ${JSON.stringify(path.resolve('src/store/database.ts'))};
    await openDatabase(${JSON.stringify(data)});
    console.log('open');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  await expect(openDatabase(data)).rejects.toMatchObject({
    code: 'data-in-use',
    message: expect.stringContaining('another process holds'),
  });
  child.kill('SIGKILL');
  await once(child, 'exit');
  await (await openDatabase(data)).destroy();
});
