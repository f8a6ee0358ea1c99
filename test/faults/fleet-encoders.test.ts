import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { form } from '../e2e/server.ts';
import { type FleetMember, prepareFleet } from './fleet.ts';
import { bringTexts, submit, until } from './long-job.ts';
import { seed } from './options.ts';
import { trainingsOf } from './trainings.ts';

const models = fileURLToPath(new URL('../../models', import.meta.url));

/** Copies the models, with a text encoder of the same name that cuts texts sooner: other features, so another encoder. */
async function otherModels(folder: string): Promise<string> {
  await cp(models, folder, { recursive: true });
  const file = path.join(folder, 'all-MiniLM-L6-v2', 'encoder.json');
  const text = await readFile(file, 'utf8');
  const changed = text.replace('"maximumTokens": 128', '"maximumTokens": 64');
  expect(changed).not.toBe(text);
  await writeFile(file, changed);
  return folder;
}

async function unfitHeads({ client }: FleetMember): Promise<string[]> {
  return (await client.expect(200, 'GET', '/readyz')).unfitHeads ?? [];
}

it('servers with different encoders each take the jobs that they can do, and name the heads that do not fit', async () => {
  await using fleet = await prepareFleet(2);
  const [usual, other] = fleet.members;
  const different = await otherModels(path.join(usual.data, '..', 'models'));
  await usual.start();
  const dataset = await bringTexts(usual.client, 80, seed);
  const mine = [];
  for (const head of ['usual', 'second']) mine.push(await submit(usual.client, dataset, head));
  await usual.kill();
  // It is alone now, and leaves both all the same.
  await other.start('--models', different);
  const { reason } = await until(other.client, mine[1].id, ({ reason }) => reason !== undefined);
  expect(reason).toMatch(/^it waits for a server that has all-MiniLM-L6-v2 \(\w{8}\)$/);
  const own = await submit(other.client, dataset, 'other');
  await until(other.client, own.id, ({ state }) => state === 'running');
  expect(await trainingsOf(other.server)).toHaveLength(1);
  await until(other.client, own.id, ({ state }) => state === 'succeeded');
  expect((await other.client.expect(200, 'GET', `/v1/jobs/${mine[1].id}`)).state).toBe('queued');
  await usual.start();
  for (const { id } of mine) await until(other.client, id, ({ state }) => state === 'succeeded');

  const patient = { timeout: 30_000, interval: 500 };
  await expect
    .poll(() => unfitHeads(other), patient)
    .toEqual(expect.arrayContaining(['usual@1', 'second@1']));
  expect(await unfitHeads(other)).not.toContain('other@1');
  await expect.poll(() => unfitHeads(usual), patient).toEqual(['other@1']);
  for (const [member, own, foreign] of [
    [usual, 'usual', 'other'],
    [other, 'other', 'usual'],
  ] as const) {
    await member.client.expect(200, 'POST', '/v1/predict', await form({ head: own, text: 'a cat' }));
    const refused = await member.client.expect(
      409,
      'POST',
      '/v1/predict',
      await form({ head: foreign, text: 'a cat' }),
    );
    expect(refused.type).toBe('/problems/head-conflict');
  }
});
