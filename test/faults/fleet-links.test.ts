import path from 'node:path';
import { expect, it } from 'vitest';
import { Random } from '../../src/random.ts';
import { form } from '../e2e/server.ts';
import { prepareFleet } from './fleet.ts';
import { isShort, seed } from './options.ts';
import { writeSample } from './sample.ts';

it('servers on one database and one object store reach both through links of their own', async () => {
  await using fleet = await prepareFleet(isShort ? 2 : 3);
  const [first, second] = fleet.members;
  await Promise.all(fleet.members.map((member) => member.start()));
  const file = path.join(first.data, '..', 'links.zip');
  await writeSample(file, new Random(seed, 'links'));
  const { id } = await first.client.expect(
    201,
    'POST',
    '/v1/datasets',
    await form({ name: 'links' }, { file }),
  );
  await second.client.expect(200, 'GET', `/v1/datasets/${id}`);
  for (const { links } of fleet.members) {
    expect(links.database.accepted).toBeGreaterThan(0);
    expect(links.artifacts.accepted).toBeGreaterThan(0);
  }
  expect(await second.stop()).toBe(0);
});
