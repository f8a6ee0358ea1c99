import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { SqliteChanges } from '../../../src/store/database/sqlite-changes.ts';

async function twoConnections() {
  const folder = await mkdtemp(path.join(tmpdir(), 'changes-'));
  const [own, other] = [0, 1].map(() => {
    const connection = new DatabaseSync(path.join(folder, 'a.sqlite'));
    connection.exec('PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS facts (fact TEXT)');
    return connection;
  });
  onTestFinished(async () => {
    own?.close();
    other?.close();
    await rm(folder, { recursive: true });
  });
  if (!own || !other) throw new Error('two were opened');
  return { own, other, changes: new SqliteChanges(own) };
}

it('stays the same while nobody changes anything', async () => {
  const { changes } = await twoConnections();
  const before = changes.mark;
  await turn();
  expect(changes.mark).toBe(before);
});

it('tells of an own change at once', async () => {
  const { own, changes } = await twoConnections();
  const before = changes.mark;
  own.exec("INSERT INTO facts VALUES ('one')");
  expect(changes.mark).not.toBe(before);
});

it('tells of the change of another connection in the next turn', async () => {
  const { other, changes } = await twoConnections();
  const before = changes.mark;
  other.exec("INSERT INTO facts VALUES ('one')");
  await turn();
  expect(changes.mark).not.toBe(before);
});
