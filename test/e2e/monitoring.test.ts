import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../free-port.ts';
import { form, runCommand, type StartedServer, startServer } from './server.ts';

const deploy = path.join(import.meta.dirname, '..', '..', 'deploy');
const isHere = (program: string) => spawnSync(program, ['--version']).status === 0;
const composers = [['docker', 'compose'], ['docker-compose']];
const compose = composers.find(([file, ...args]) => spawnSync(file, [...args, 'version']).status === 0);

const lacking = ['promtool', 'prometheus'].filter((program) => !isHere(program));
if (!compose) lacking.push('docker compose');
if (lacking.length > 0)
  process.stdout.write(
    `skipped: what needs ${lacking.join(', ')} (apt-get install prometheus docker-compose)\n`,
  );

let folder: string;
let server: StartedServer;
let key: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'monitoring-'));
  const data = path.join(folder, 'data');
  const { stdout } = await runCommand('keys', 'create', 'prometheus', '--data', data, '--json');
  key = JSON.parse(stdout).secret;
  server = await startServer(data);
  const headers = { Authorization: `Bearer ${key}` };
  const body = await form({ text: 'a red bike' });
  expect((await fetch(`${server.address}/v1/predict`, { method: 'POST', headers, body })).status).toBe(200);
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

it('the alerts ask for metrics, labels and routes that the server has', async () => {
  const headers = { Authorization: `Bearer ${key}` };
  const metrics = await (await fetch(`${server.address}/metrics`, { headers })).text();
  const alerts = await readFile(path.join(deploy, 'prometheus', 'alerts.yml'), 'utf8');
  const names = alerts.match(/\b(tandem|nodejs)_[a-z0-9_]+/g)!;
  expect(new Set(names).size).toBeGreaterThan(4);
  for (const name of names) expect(metrics).toMatch(new RegExp(`^${name}(_count)?[{ ]`, 'm'));
  for (const label of ['route="/v1/predict"', 'status="200"', 'le="1"']) expect(metrics).toContain(label);
});

it.skipIf(!isHere('promtool'))('the alerts fire when they should, and not before', () => {
  const test = path.join(deploy, 'prometheus', 'alerts.test.yml');
  expect(execFileSync('promtool', ['test', 'rules', test], { encoding: 'utf8' })).toContain('SUCCESS');
});

it.skipIf(!isHere('prometheus'))(
  'Prometheus reads the metrics with the configuration and a key',
  async () => {
    const keyFile = path.join(folder, 'metrics.key');
    await writeFile(keyFile, `${key}\n`);
    const original = await readFile(path.join(deploy, 'prometheus', 'prometheus.yml'), 'utf8');
    const config = path.join(folder, 'prometheus.yml');
    const { host } = new URL(server.address);
    const changes = [
      ['alerts.yml', path.join(deploy, 'prometheus', 'alerts.yml')],
      ['/run/secrets/metrics_key', keyFile],
      ['tandem:8080', host],
      ['scrape_interval: 15s', 'scrape_interval: 1s'],
    ];
    for (const [from] of changes) expect(original).toContain(from);
    await writeFile(
      config,
      changes.reduce((text, [from, to]) => text.replace(from, to), original),
    );
    const storage = path.join(folder, 'storage');
    const listen = `127.0.0.1:${await freePort()}`;
    const flags = [
      `--config.file=${config}`,
      `--storage.tsdb.path=${storage}`,
      `--web.listen-address=${listen}`,
    ];
    const prometheus: ChildProcess = spawn('prometheus', flags, { stdio: 'ignore' });
    try {
      const up = async () => {
        const answer = await fetch(`http://${listen}/api/v1/query?query=up`).catch(() => undefined);
        return (await answer?.json())?.data?.result[0]?.value[1];
      };
      await expect.poll(up).toBe('1');
      const rules = await (await fetch(`http://${listen}/api/v1/rules`)).json();
      expect(rules.data.groups[0].rules.length).toBeGreaterThan(5);
    } finally {
      const ended = new Promise((resolve) => prometheus.once('exit', resolve));
      prometheus.kill();
      await ended;
    }
  },
);

it.skipIf(!compose)('both compose files are well formed, and the larger one asks for its passwords', () => {
  const [file, ...args] = compose!;
  const files = ['compose.yaml', 'compose.team.yaml'].flatMap((name) => ['-f', path.join(deploy, name)]);
  const config = (given: string[], env: Record<string, string> = {}) =>
    spawnSync(file, [...args, ...given, 'config'], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, ...env },
    });
  expect(config(files.slice(0, 2)).status).toBe(0);
  expect(config(files).stderr).toContain('set it in deploy/.env');
  const all = config(files, {
    POSTGRES_PASSWORD: 'one',
    AWS_ACCESS_KEY_ID: 'two',
    AWS_SECRET_ACCESS_KEY: 'three',
  });
  expect(all.stderr).not.toContain('rror');
  expect(all.stdout).toContain('postgres://tandem:one@postgres/tandem');
});
