import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'csv-parse/sync';
import { Browser, type HTMLInputElement } from 'happy-dom';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { pythonEnvironment } from '../../scripts/python-environment.ts';
import { fixtures, form, runCommand, type StartedServer, startServer } from '../e2e/server.ts';
import { commandsOf, curlsOf, type Place, runExample, startExample } from './example.ts';

const coffee = path.join(fixtures, 'coffee.jpg');
const text = 'a cup of coffee on a table';

let server: StartedServer;
let place: Place;
let secret: string;
beforeAll(async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'examples-'));
  const data = path.join(folder, 'data');
  const key = await runCommand('keys', 'create', 'examples', '--scope', 'predict', '--json', '--data', data);
  ({ secret } = JSON.parse(key.stdout));
  server = await startServer(data);
  place = { folder, address: server.address };
  await cp(coffee, path.join(folder, 'coffee.jpg'));
  await mkdir(path.join(folder, 'photos', 'more'), { recursive: true });
  await cp(coffee, path.join(folder, 'photos', 'coffee.jpg'));
  await cp(coffee, path.join(folder, 'photos', 'more', 'again.jpg'));
  await writeFile(path.join(folder, 'photos', 'broken.png'), 'not an image');
  const rows = [
    `coffee.jpg,${text}`,
    ',"pizza, ""hot"""',
    'missing.jpg,a bicycle',
    'broken.png,',
    ',a bicycle',
  ];
  await writeFile(path.join(folder, 'photos', 'metadata.csv'), `file_name,text\n${rows.join('\n')}\n`);
});
afterAll(async () => {
  await server?.stop();
  await rm(place.folder, { recursive: true, force: true });
});

/** The labels that the server itself gives, the likeliest first. */
async function predict(
  fields: { text?: string },
  image?: string,
): Promise<{ label: string; probability: number }[]> {
  const body = await form({ head: 'emoji', topK: '3', ...fields }, image ? { image } : {});
  const headers = { Authorization: `Bearer ${secret}` };
  const response = await fetch(`${server.address}/v1/predict`, { method: 'POST', body, headers });
  return (await response.json()).results[0].labels;
}

describe('batch-scoring', () => {
  async function score(index: number, env = { TANDEM_KEY: secret }) {
    const commands = await commandsOf('batch-scoring');
    const result = await runExample('batch-scoring', commands[index], place, env);
    return { ...result, table: await readFile(path.join(place.folder, 'predictions.csv'), 'utf8') };
  }
  const rowsOf = (table: string): Record<string, string>[] => parse(table, { columns: true });

  it('predicts the images of a folder, and says how far it is', async () => {
    const { code, stderr, table } = await score(0);
    expect(code).toBe(0);
    expect(stderr).toMatch(/3 rows in .* a second\)\n1 failed; written to predictions\.csv\n$/);
    const [best] = await predict({}, coffee);
    expect(rowsOf(table)).toEqual([
      {
        file_name: 'broken.png',
        text: '',
        label: '',
        probability: '',
        error: expect.stringMatching(/not a JPEG/),
      },
      ...['coffee.jpg', 'more/again.jpg'].map((name) => ({
        ...{ file_name: name, text: '', label: best.label, error: '' },
        probability: String(best.probability),
      })),
    ]);
  });

  it('predicts the rows of a CSV file, a bad one by its own error', async () => {
    const { code, table } = await score(1);
    expect(code).toBe(0);
    const rows = rowsOf(table);
    expect(rows.map(({ text: read }) => read)).toEqual([text, 'pizza, "hot"', 'a bicycle', '', 'a bicycle']);
    const [together, alone] = [await predict({ text }, coffee), await predict({ text: 'a bicycle' })];
    expect(rows[0]).toMatchObject({ label: together[0].label, error: '' });
    expect(rows[2]).toMatchObject({ label: '', error: expect.stringMatching(/ENOENT/) });
    expect(rows[3]).toMatchObject({ label: '', error: expect.stringMatching(/not a JPEG/) });
    expect(rows[4]).toMatchObject({ label: alone[0].label, error: '' });
  });

  it('ends with the server’s own words where it may not ask', async () => {
    const { code, stderr } = await score(0, { TANDEM_KEY: 'wrong' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/key/);
  });
});

describe('call-from-python', () => {
  it('prints a prediction, and the answers of a stream', async () => {
    const python = await pythonEnvironment(path.join(import.meta.dirname, '../../examples/call-from-python'));
    const [command] = await commandsOf('call-from-python');
    const where = { ...place, binaries: path.dirname(python) };
    const { code, stdout } = await runExample('call-from-python', command, where, { TANDEM_KEY: secret });
    expect(code).toBe(0);
    const [, one, ...lines] = /^({[\s\S]*?\n})\n(.*)\n(.*)\n(.*)\n$/.exec(stdout)!;
    expect(JSON.parse(one).labels[0].label).toBe((await predict({ text }, coffee))[0].label);
    expect(lines).toEqual([
      expect.stringContaining("'label': 'food-drink'"),
      expect.stringContaining("'label'"),
      'the line: it has neither image, text nor table',
    ]);
  });
});

describe('browser-form', () => {
  async function startForm(env = { TANDEM_KEY: secret }): Promise<string> {
    const [command] = await commandsOf('browser-form');
    const child = startExample('browser-form', command.replace('--port 3000', '--port 0'), place, env);
    onTestFinished(async () => {
      child.kill();
      await once(child, 'exit');
    });
    const [address] = await once(child.stdout!, 'data');
    return String(address).trim();
  }

  /** What the page shows after its form was filled in and sent. */
  async function submit(address: string, fields: { text?: string; image?: string }): Promise<string> {
    const settings = { enableJavaScriptEvaluation: true, suppressInsecureJavaScriptEnvironmentWarning: true };
    const browser = new Browser({ settings });
    onTestFinished(() => browser.close());
    const page = browser.newPage();
    await page.goto(address);
    const { window, document } = page.mainFrame;
    const input = (name: string) => document.querySelector(`[name=${name}]`) as HTMLInputElement;
    if (fields.text) input('text').value = fields.text;
    if (fields.image) {
      const file = new window.File([await readFile(fields.image)], path.basename(fields.image), {
        type: 'image/jpeg',
      });
      input('image').files!.push(file);
    }
    document.querySelector('button')!.click();
    await page.waitUntilComplete();
    return document.querySelector('output')!.textContent;
  }

  const shown = (labels: Awaited<ReturnType<typeof predict>>) =>
    labels.map(({ label, probability }) => `${label}: ${(100 * probability).toFixed(1)} %`).join('\n');

  it('shows what an image, a text or both are predicted as', async () => {
    const address = await startForm();
    expect(await submit(address, { text })).toBe(shown(await predict({ text })));
    expect(await submit(address, { image: coffee })).toBe(shown(await predict({}, coffee)));
    expect(await submit(address, { text, image: coffee })).toBe(shown(await predict({ text }, coffee)));
  });

  it('shows what is wrong, and what to do', async () => {
    expect(await submit(await startForm(), {})).toMatch(/neither image, text nor table/);
    expect(await submit(await startForm({ TANDEM_KEY: 'wrong' }), { text })).toMatch(/key/);
  });

  it('refuses what a page of another site sends', async () => {
    const address = await startForm();
    const body = await form({ head: 'emoji', text });
    const send = (site: string) =>
      fetch(`${address}/v1/predict`, { method: 'POST', body, headers: { 'Sec-Fetch-Site': site } });
    expect((await send('cross-site')).status).toBe(403);
    expect((await send('same-origin')).status).toBe(200);
  });
});

describe('embed-in-express', () => {
  it('answers below a path of the application, behind its login, and by the library itself', async () => {
    const [command = ''] = await commandsOf('embed-in-express');
    const own = `${command.replace('--port 3000', '--port 0')} --data ${path.join(place.folder, 'embedded')}`;
    const child = startExample('embed-in-express', own, place);
    onTestFinished(async () => {
      child.kill();
      await once(child, 'exit');
    });
    const [line] = await once(child.stdout!, 'data');
    const address = String(line).trim();
    const lines = await curlsOf('embed-in-express');
    expect(lines).toHaveLength(2);
    const [tags = '', predictions = ''] = lines.map((one) => one.replace('http://127.0.0.1:3000', address));
    const run = promisify(execFile);
    expect((await run('sh', ['-c', `${tags} -s`])).stdout).toBe('food-drink\n');
    const { results } = JSON.parse((await run('sh', ['-c', `${predictions} -s`])).stdout);
    expect(results[0].labels[0].label).toBe('food-drink');
    const refused = await fetch(`${address}/tandem/v1/heads`);
    expect(refused.status).toBe(401);
    const index = await fetch(`${address}/tandem/`, { headers: { 'X-Password': 'secret' } });
    const { links } = (await index.json()) as { links: { heads: string } };
    // A proxy in front of the application adds headers; the application's login decides all the same.
    const passedOn = { 'X-Password': 'secret', 'X-Forwarded-For': '192.0.2.7' };
    const heads = await fetch(`${address}${links.heads}`, { headers: passedOn });
    expect(await heads.json()).toMatchObject({ heads: [{ name: 'emoji' }] });
  });
});
