import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { print } from '../../src/cli/output.ts';
import { type StartedServer, startServer } from '../e2e/server.ts';
import { freePort } from '../free-port.ts';
import { startBalancer } from './balancer.ts';
import { isShort } from './options.ts';

const callers = 6;
const rounds = isShort ? 1 : 3;
/** Milliseconds: several times as long as the balancer takes to see that a server is not ready, on a busy machine too. */
const drainDelay = 3000;

it('a rolling restart behind a balancer refuses no request', async () => {
  await using ending = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(tmpdir(), 'faults-rolling-'));
  ending.defer(() => rm(folder, { recursive: true, force: true }));
  const servers: StartedServer[] = [];
  ending.defer(async () => void (await Promise.all(servers.map((server) => server.kill()))));
  const ports = [await freePort(), await freePort()];
  const start = async (index: number) => {
    servers[index] = await startServer(
      path.join(folder, String(index)),
      ...['--port', String(ports[index]), '--engines', '1', '--threads', '1'],
      ...['--drain-delay', String(drainDelay)],
    );
  };
  await Promise.all([start(0), start(1)]);
  using balancer = await startBalancer(servers.map(({ address }) => address));
  expect(balancer.ready.size).toBe(2);

  const statuses = new Map<number | string, number>();
  let isOver = false;
  const call = async (caller: number) => {
    for (let number = 0; !isOver; number++) {
      const form = new FormData();
      form.set('text', `a red heart ${caller} ${number}`);
      const status = await fetch(`${balancer.address}/v1/predict`, { method: 'POST', body: form }).then(
        async (response) => {
          await response.arrayBuffer();
          return response.status;
        },
        (error) => String(error.cause ?? error),
      );
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      await setTimeout(20);
    }
  };
  const calling = Array.from({ length: callers }, (_, caller) => call(caller));
  for (let round = 0; round < rounds; round++)
    for (const index of [0, 1]) {
      expect(await servers[index].stop()).toBe(0);
      await start(index);
      await expect.poll(() => balancer.ready.size, { timeout: 30_000 }).toBe(2);
    }
  isOver = true;
  await Promise.all(calling);
  print(`rolling restart: ${JSON.stringify(Object.fromEntries(statuses))}`);
  expect([...statuses.keys()]).toEqual([200]);
  expect(statuses.get(200)).toBeGreaterThan(100);
});
