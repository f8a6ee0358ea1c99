import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { storeEnvironment } from '../unit/store/test-store.ts';
import { form, main, runCommand } from './server.ts';

it('proposes a line that works with a key, and logs whose request it was, what became of a job, and its stop', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'log-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const data = path.join(folder, 'data');
  const { stdout } = await runCommand('keys', 'create', 'shop', '--scope', 'train', '--data', data, '--json');
  const { secret } = JSON.parse(stdout);
  const env = { ...process.env, ...storeEnvironment(data) };
  const server = spawn(process.execPath, [main, 'serve', '--port', '0', '--data', data], { env });
  onTestFinished(() => void server.kill('SIGKILL'));
  const exit = new Promise((resolve) => server.on('exit', resolve));
  let [said, logged] = ['', ''];
  server.stdout.on('data', (chunk) => (said += chunk));
  server.stderr.on('data', (chunk) => (logged += chunk));
  const lines = (message: string) =>
    logged.split('\n').flatMap((line) => {
      const parsed = line.startsWith('{') ? JSON.parse(line) : {};
      return parsed.msg === message ? [parsed] : [];
    });
  await expect.poll(() => said).toContain('keys create me');

  const [proposed = ''] = said.match(/curl .*/) ?? [];
  const answer = execFileSync('sh', ['-c', `${proposed} -sS`], {
    env: { ...env, TANDEM_KEY: secret },
    encoding: 'utf8',
  });
  expect(JSON.parse(answer).results[0].labels[0].label).toBe('food-drink');
  await expect
    .poll(() => lines('request'))
    .toMatchObject([{ key: 'shop', path: '/v1/predict', status: 200 }]);

  const [address] = said.match(/http:\S+/) ?? [];
  const headers = { Authorization: `Bearer ${secret}` };
  const table = path.join(folder, 'one.csv');
  await writeFile(table, 'text,label\na,x\n');
  const body = await form({ head: 'pets' }, { file: table });
  const { id } = await (await fetch(`${address}/v1/jobs`, { method: 'POST', headers, body })).json();
  await expect.poll(() => lines('job').map(({ state }) => state)).toEqual(['queued', 'running', 'failed']);
  expect(lines('job').map(({ key }) => key)).toEqual(['shop', 'shop', 'shop']);
  expect(lines('job').at(-1)).toMatchObject({
    job: id,
    kind: 'train',
    head: 'pets',
    code: 'invalid-dataset',
    level: 40,
  });
  expect(logged).not.toContain(secret);
  const metrics = await (await fetch(`${address}/metrics`, { headers })).text();
  expect(metrics).toContain('tandem_jobs_total{kind="train",state="failed"} 1');
  expect(metrics).toContain('tandem_job_seconds_count{kind="train",state="failed"} 1');

  server.kill('SIGTERM');
  expect(await exit).toBe(0);
  expect(lines('the server stops: open requests are answered')).toHaveLength(1);
  expect(lines('the server has stopped listening')).toHaveLength(1);
});
