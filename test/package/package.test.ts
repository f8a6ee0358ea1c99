import { globSync, statSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { missingFiles } from '../../scripts/compiled-files.ts';
import { zip } from '../e2e/server.ts';
import { plainPhotos } from '../plain-photos.ts';
import { type Served, Stranger, succeed } from './stranger.ts';

const { name, version } = packageJson;
const node = process.execPath;

let stranger: Stranger;
let installed: string;
let photos: Record<string, Buffer>;
beforeAll(async () => {
  stranger = await Stranger.install();
  installed = stranger.path('node_modules', name);
  photos = await plainPhotos(10);
  for (const [file, bytes] of Object.entries(photos)) {
    await mkdir(stranger.path('photos', path.dirname(file)), { recursive: true });
    await writeFile(stranger.path('photos', file), bytes);
  }
});
afterAll(() => stranger?.remove());

describe('the package', () => {
  it('holds the compiled code, the models and nothing of a clone', () => {
    const files = globSync('**', { cwd: installed, withFileTypes: true }).filter((entry) => entry.isFile());
    const paths = files.map((entry) => path.relative(installed, path.join(entry.parentPath, entry.name)));
    const folders = new Set(paths.map((file) => file.split(path.sep)[0]));
    expect([...folders].sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'dist',
      'models',
      'package.json',
    ]);
    expect(paths.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))).toEqual([]);
    const bytes = paths.reduce((sum, file) => sum + statSync(path.join(installed, file)).size, 0);
    // The registry refuses packages of some 200 MB.
    expect(bytes).toBeLessThan(100e6);
  });

  it('has every file that its code names', async () => {
    const scripts = globSync('dist/**/*.js', { cwd: installed }).map((file) => path.join(installed, file));
    expect(scripts.length).toBeGreaterThan(100);
    const missing = scripts.map(async (file) => missingFiles(await readFile(file, 'utf8'), file));
    expect((await Promise.all(missing)).flat()).toEqual([]);
  });

  it('runs no install script of a dependency but those that are known to be needless', async () => {
    const lock = JSON.parse(await readFile(stranger.path('node_modules', '.package-lock.json'), 'utf8'));
    const scripted = Object.entries<{ hasInstallScript?: boolean }>(lock.packages)
      .filter(([, entry]) => entry.hasInstallScript)
      .map(([place]) => place.split('node_modules/').at(-1));
    expect(scripted).toEqual(['onnxruntime-node', 'protobufjs']);
  });
});

describe('the command', () => {
  it('says its version, and in its help what a person types', async () => {
    expect((await stranger.run('npx', name, '--version')).stdout.trim()).toBe(version);
    const help = await stranger.run('npx', name, 'train', '--help');
    expect(help.stdout).toContain(`npx ${name} train photos/`);
    expect(help.stdout).not.toContain('npm run');
  });

  it('names the Node that it requires where it is started by an older one', async () => {
    const old = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })`;
    const bin = path.join(installed, packageJson.bin.tandem);
    const { code, stdout, stderr } = await stranger.run(
      node,
      '--import',
      `data:text/javascript,${old}`,
      bin,
      'serve',
    );
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^tandem requires Node 24 or newer; this is Node 20\.20\.2 .*\n$/),
    });
  });

  it('trains on a folder of the caller’s a head that predicts', async () => {
    const trained = await succeed(
      stranger.run('npx', name, 'train', 'photos/', '--head', 'colours', '--json'),
    );
    expect(JSON.parse(trained.stdout)).toMatchObject({ head: 'colours', version: 1 });
    expect(statSync(stranger.path('data', 'tandem.sqlite')).isFile()).toBe(true);
    const args = ['predict', '--head', 'colours', '--image', 'photos/red/0.jpg', '--json'];
    const { stdout } = await succeed(stranger.run('npx', name, ...args));
    expect(JSON.parse(stdout).labels[0].label).toBe('red');
  });
});

describe('the server and its client', () => {
  let server: Served;
  beforeAll(async () => {
    server = await stranger.serve('--data', 'served');
  });
  afterAll(() => server?.stop());

  it('answers with the head that ships with it', async () => {
    const form = new FormData();
    form.set('head', 'emoji');
    form.set('text', 'a slice of pizza with cheese');
    const response = await fetch(`${server.address}/v1/predict`, { method: 'POST', body: form });
    const { results } = (await response.json()) as { results: { labels: { label: string }[] }[] };
    expect(results[0].labels[0].label).toBe('food-drink');
  });

  it('imports, trains, follows the job and predicts in code of the stranger’s', async () => {
    const archive = stranger.path('photos.zip');
    await zip(archive, photos);
    const args = ['client.ts', server.address, archive, 'photos/green/1.jpg'];
    const { stdout } = await succeed(stranger.run(node, ...args));
    const { ids, middle, later, ...rest } = JSON.parse(stdout);
    expect(rest).toEqual({
      dataset: 'photos',
      last: 'succeeded',
      seen: 2,
      label: 'green',
      unknown: '/problems/unknown-job',
    });
    expect(ids.length).toBeGreaterThan(3);
    // Of a job that is over the server tells those that its curve is made of, and the last.
    expect(later.at(-1)).toBe(ids.at(-1));
    for (const id of later) {
      expect(ids).toContain(id);
      expect(Number(id)).toBeGreaterThan(Number(middle));
    }
    expect(Number(middle)).toBeLessThan(Number(ids.at(-1)));
  });
});

describe('the library', () => {
  it('changes nothing of the process that imports it; trains, predicts and serves in it, on folders of the caller’s', async () => {
    const { stdout } = await succeed(stranger.run(node, 'embed.ts'));
    expect(JSON.parse(stdout)).toEqual({
      changed: false,
      refused: 'invalid-configuration',
      unknown: 'invalid-configuration',
      label: 'red',
      closed: 'closed',
      stages: ['checking', 'features', 'training', 'refit', 'evaluation'],
      trained: 'colours@1',
      listed: ['colours@1', 'emoji@1'],
      served: ['colours', 'emoji'],
    });
    expect(statSync(stranger.path('embedded', 'tandem.sqlite')).isFile()).toBe(true);
  });
});

describe('its types', () => {
  const node = { files: ['client.ts', 'embed.ts'], lib: ['esnext'], types: ['node'] };
  const browser = { files: ['browser.ts'], lib: ['esnext', 'dom', 'dom.iterable'], types: [] };
  it.each([
    ['Node', 'nodenext', node],
    ['Node', 'bundler', node],
    ['a browser', 'bundler', browser],
    ['a browser', 'nodenext', browser],
  ])('compile for %s under %s resolution', async (_, resolution, { files, lib, types }) => {
    const project = stranger.path(`tsconfig.${types.length}.${resolution}.json`);
    const root = path.join(import.meta.dirname, '..', '..', 'node_modules');
    const module = resolution === 'bundler' ? 'preserve' : resolution;
    const compilerOptions = {
      module,
      moduleResolution: resolution,
      lib,
      types,
      typeRoots: [path.join(root, '@types')],
    };
    await writeFile(project, JSON.stringify({ extends: './tsconfig.json', compilerOptions, include: files }));
    const compiler = path.join(root, 'typescript', 'bin', 'tsc');
    const { code, stdout } = await stranger.run(process.execPath, compiler, '-p', project);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  });
});
