import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { Job } from '../../src/jobs/job.ts';
import { form, type StartedServer, smallSample, startServer, zipFolder } from './server.ts';

it('a job fails whose server ended without a word as often as it may; a server that says that it stops does not count', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'crash-loop-'));
  await smallSample(path.join(folder, 'sample'), 3, 12);
  const archive = path.join(folder, 'sample.zip');
  await zipFolder(path.join(folder, 'sample'), archive);
  let server: StartedServer;
  onTestFinished(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });
  const start = async () => {
    server = await startServer(
      path.join(folder, 'data'),
      ...['--engines', '1', '--threads', '1', '--max-job-crashes', '2'],
    );
  };
  await start();
  const body = await form({ head: 'pets', search: 'false' }, { file: archive });
  const { id }: Job = await (await fetch(`${server!.address}/v1/jobs`, { method: 'POST', body })).json();
  const read = async (): Promise<Job> => (await fetch(`${server.address}/v1/jobs/${id}`)).json();
  for (const end of ['kill', 'stop', 'kill'] as const) {
    await expect.poll(async () => (await read()).state).toBe('running');
    await server![end]();
    await start();
  }
  await expect.poll(async () => (await read()).state).toBe('failed');
  expect((await read()).error).toMatchObject({
    code: 'training-failed',
    detail:
      'its server ended without a word each of the last 2 times that it ran this job, which got no further',
    fix: expect.stringMatching(/out of memory.*retry the job/),
  });
  expect((await fetch(`${server!.address}/v1/jobs/${id}/retry`, { method: 'POST' })).status).toBe(202);
  await expect.poll(async () => (await read()).state).toBe('succeeded');
});
