import { expect, it } from 'vitest';
import { fetch, sendJson, serve, services } from '../double.ts';

const submit = { head: 'pets', dataset: 'pets' };

it('begins links, Location and problems with the base path, whether the proxy takes it away or passes it on', async () => {
  const { address } = await serve(services(), { basePath: '/ml/tandem' });
  for (const passedOn of ['', '/ml/tandem']) {
    const started = await sendJson(`${address}${passedOn}/v1/jobs`, submit);
    expect(started.headers.get('Location')).toBe('/ml/tandem/v1/jobs/a');
    const { links } = await (await fetch(`${address}${passedOn}/`)).json();
    expect(links.jobs).toBe('/ml/tandem/v1/jobs');
    const problem = await (await fetch(`${address}${passedOn}/v1/jobs/none`)).json();
    expect(problem.type).toBe('/ml/tandem/problems/unknown-job');
    const { servers } = await (await fetch(`${address}${passedOn}/openapi.json`)).json();
    expect(servers).toEqual([{ url: '/ml/tandem' }]);
  }
  expect((await fetch(`${address}/ml/tandem`)).status).toBe(200);
  expect((await fetch(`${address}/ml/tandems`)).status).toBe(404);
});

it('begins them with what a trusted proxy says, and with what nobody else says', async () => {
  const location = async (trustedProxies: string[], prefix: string) => {
    const { address } = await serve(services(), { basePath: '/own', trustedProxies });
    const headers = { 'Content-Type': 'application/json', 'X-Forwarded-Prefix': prefix };
    return (await sendJson(`${address}/v1/jobs`, submit, { headers })).headers.get('Location');
  };
  expect(await location(['loopback'], '/ml/')).toBe('/ml/v1/jobs/a');
  expect(await location([], '/ml')).toBe('/own/v1/jobs/a');
  expect(await location(['10.0.0.0/8'], '/ml')).toBe('/own/v1/jobs/a');
  for (const prefix of ['//elsewhere.org', 'https://elsewhere.org', '/a b', '/<b>'])
    expect(await location(['loopback'], prefix)).toBe('/own/v1/jobs/a');
});
