import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { freePort } from '../free-port.ts';
import { form, runCommand, sampleArchive, startServer } from './server.ts';

const deploy = path.join(import.meta.dirname, '..', '..', 'deploy');
const isHere = (program: string, option: string) => spawnSync(program, [option]).status === 0;
const hasNginx = isHere('nginx', '-v');
const hasSystemd = isHere('systemd-analyze', '--version');
if (!hasNginx || !hasSystemd)
  process.stdout.write(
    'skipped: what needs nginx or systemd-analyze (apt-get install nginx-light systemd)\n',
  );

/** nginx with the example in its server block, on a port of its own. @returns its address */
async function startNginx(folder: string, upstream: string): Promise<string> {
  const port = await freePort();
  const example = path.join(folder, 'tandem.conf');

  const text = await readFile(path.join(deploy, 'nginx', 'tandem.conf'), 'utf8');
  await writeFile(example, text.replace('http://127.0.0.1:8080', upstream));
  for (const name of ['body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']) await mkdir(path.join(folder, name));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${path.join(folder, name.replace('client_', ''))};`,
  );
  const configuration = path.join(folder, 'nginx.conf');
  await writeFile(
    configuration,
    `daemon off; pid ${folder}/nginx.pid; error_log stderr;
events {}
http { access_log off; ${temporary.join(' ')}
  server { listen 127.0.0.1:${port}; include ${example}; } }
`,
  );
  const nginx = spawn('nginx', ['-c', configuration, '-p', folder], { stdio: 'inherit' });
  onTestFinished(async () => {
    nginx.kill('SIGTERM');
    await once(nginx, 'exit');
  });
  const address = `http://127.0.0.1:${port}`;
  await expect
    .poll(() =>
      fetch(address).then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
  return address;
}

it.skipIf(!hasNginx)(
  'answers below a path of nginx: links, uploads, events, and callers behind it',
  async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'nginx-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const data = path.join(folder, 'data');
    const { stdout } = await runCommand('keys', 'create', 'me', '--scope', 'admin', '--data', data, '--json');
    const { secret } = JSON.parse(stdout);
    const server = await startServer(data, '--trusted-proxies', 'loopback');
    onTestFinished(async () => void (await server.stop()));
    const site = await startNginx(folder, server.address);
    const headers = { Authorization: `Bearer ${secret}` };
    expect((await (await fetch(`${site}/tandem/`)).json()).links.jobs).toBe('/tandem/v1/jobs');
    expect((await fetch(`${site}/tandem`)).url).toBe(`${site}/tandem/`);
    const refused = await fetch(`${site}/tandem/v1/heads`);
    expect(refused.status).toBe(403);
    expect((await refused.json()).type).toBe('/tandem/problems/forbidden');

    const file = await sampleArchive(folder, 2, 4);
    const body = await form({ name: 'two' }, { file });
    const added = await fetch(`${site}/tandem/v1/datasets`, { method: 'POST', headers, body });
    expect(added.status).toBe(201);
    const dataset = await fetch(new URL(added.headers.get('Location') ?? '', site), { headers });
    const { id } = await dataset.json();

    const started = await fetch(`${site}/tandem/v1/jobs`, {
      method: 'POST',
      headers: { ...headers, 'Content-Type': 'application/json' },
      body: JSON.stringify({ head: 'two', dataset: id }),
    });
    const job = new URL(started.headers.get('Location') ?? '', site).href;
    await fetch(job, { method: 'DELETE', headers });
    const events = await (await fetch(`${job}/events`, { headers })).text();
    expect(events).toMatch(/"state":"cancelled"/);
  },
);

it.skipIf(!hasSystemd)(
  'has a unit that systemd finds nothing wrong with, and calls well protected',
  async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'systemd-'));
    onTestFinished(() => rm(folder, { recursive: true }));

    const unit = path.join(folder, 'tandem.service');
    const text = await readFile(path.join(deploy, 'systemd', 'tandem.service'), 'utf8');
    // The unit's own paths are those of the machine that it is installed on.
    await writeFile(
      unit,
      text
        .replaceAll('/opt/tandem/node_modules/.bin/node', process.execPath)
        .replaceAll('=/opt/tandem', `=${folder}`),
    );
    const verified = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' });
    expect(verified.stderr.split('\n').filter((line) => line.includes('tandem.service'))).toEqual([]);
    const security = spawnSync('systemd-analyze', ['security', '--offline=yes', '--threshold=30', unit], {
      encoding: 'utf8',
    });
    expect(security.stdout).toMatch(/Overall exposure level for tandem.service: [0-2]\.\d OK/);
  },
);
