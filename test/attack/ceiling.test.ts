import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Attack, AttackedServer } from './attacked-server.ts';
import { largestRequests, routeAttacks } from './attacks.ts';
import { mostSoFar, underCeiling } from './ceiling.ts';

let server: AttackedServer;
beforeAll(async () => {
  // Nothing is remembered, so that an attack costs as much again, and nothing is refused for what the one before did.
  server = await AttackedServer.start('--max-loop-delay', '0', '--memory', '0');
  // What is compiled and loaded once is no attack's doing.
  for (const attack of largestRequests()) await server.attack(attack);
});
afterAll(async () => {
  console.log(mostSoFar());
  await server?.[Symbol.asyncDispose]();
});

/** The status of the answer to an attack, and what it did beyond the ceiling, if it did so most times. */
async function attack(attack: Attack): Promise<{ status: number | undefined; problem?: string }> {
  const { status, problem } = await underCeiling(server, () => server.send(attack));
  return { status, ...(problem && { problem: `${nameOf(attack)} (${status}): ${problem}` }) };
}

const nameOf = ({ method, path, name }: Attack) => `${method} ${path.split('?')[0]}, ${name}`;

it('keeps its event loop and its memory under every small request to every route', async () => {
  const { paths } = await (await fetch(`${server.address}/openapi.json`)).json();
  const problems: string[] = [];
  const undocumented: string[] = [];
  let attacks = 0;
  for (const route of routeAttacks(paths)) {
    const { status, problem } = await attack(route);
    if (problem) problems.push(problem);
    if (status !== undefined && !route.documented.includes(String(status)))
      undocumented.push(`${nameOf(route)}: ${status}`);
    expect(server.lives, nameOf(route)).toBe(true);
    attacks++;
  }
  expect(problems).toEqual([]);
  expect(undocumented).toEqual([]);
  expect(attacks).toBeGreaterThan(200);
});

it.each(largestRequests())('keeps them under the largest requests: $name', async (request) => {
  await server.settle();
  const { status, problem } = await attack(request);
  expect(problem).toBeUndefined();
  expect(status).toBeDefined();
});

it.each(largestRequests())('works for nobody who has left: $name', async (request) => {
  await server.settle();
  // Whatever was on its way through an encoder ends within the grace.
  expect(await server.abandon(request)).toBeLessThan(0.3);
});
