import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { LoadShedding } from '../../../../src/protocols/pipeline/load-shedding.ts';
import { Metrics } from '../../../../src/protocols/pipeline/metrics.ts';
import { problemOf, sendJson, serveOnPort, services } from '../../../unit/protocols/double.ts';

/** Uses the main thread up for so many milliseconds. */
function block(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

async function serveShedding() {
  const metrics = new Metrics();
  const loadShedding = new LoadShedding({ maximumDelay: 40, window: 300, onShed: () => metrics.shed() });
  onTestFinished(() => loadShedding.close());
  const { address } = await serveOnPort(services(), { loadShedding, metrics });
  const predict = () => sendJson(`${address}/v1/predict`, { inputs: [{ text: 'a' }] });
  return { address, predict, metrics };
}

it('refuses requests while the event loop is late, but not those that watch the server', async () => {
  const { address, predict, metrics } = await serveShedding();
  expect((await predict()).status).toBe(200);
  const load = setInterval(() => block(100), 1);
  onTestFinished(() => clearInterval(load));
  await expect.poll(async () => (await predict()).status).toBe(503);
  const refused = await predict();
  expect(refused.headers.get('Retry-After')).toBe('1');
  expect(await problemOf(refused)).toMatchObject({
    code: 'overloaded',
    detail: 'the event loop is more than 40 ms late (--max-loop-delay)',
  });
  for (const path of ['/healthz', '/readyz', '/metrics', '/v2/health/live', '/v2/health/ready'])
    expect((await fetch(address + path)).status, path).toBe(200);
  expect((await fetch(`${address}/v1/heads`)).status).toBe(503);
  clearInterval(load);
  expect(await metrics.text()).toMatch(/tandem_shed_requests_total [1-9]/);
  await expect.poll(async () => (await predict()).status).toBe(200);
});

it('takes requests after one long pause, which is over', async () => {
  const { predict } = await serveShedding();
  await sleep(300);
  block(1000);
  const answers = await Promise.all(Array.from({ length: 10 }, predict));
  expect(answers.map(({ status }) => status)).toEqual(new Array(10).fill(200));
});
