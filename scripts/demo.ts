/**
 * `npm run demo`: builds the sample set, fine-tunes a head on it, serves it and predicts one image. The settings of the
 * environment and of a configuration file count, and what the data folder holds stays.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { readConfigFile } from '../src/cli/config-file.ts';
import { readSettings } from '../src/read-settings.ts';
import { buildSampleSet } from './build-sample-set.ts';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const file = readConfigFile(process.env.TANDEM_CONFIG || undefined, process.cwd());
const { data, port } = readSettings(['data', 'port'], {}, process.env, undefined, file);
/** The one that was chosen; else any, as another server may run on the default one. */
const demoPort = process.env.TANDEM_PORT || file?.values.port || '0';
const samples = path.join(data, 'samples', 'emoji');
const head = 'demo';

process.stdout.write('building the sample set: emoji images with texts\n');
const examples = await buildSampleSet(samples);
process.stdout.write(`${examples.length} examples in ${samples}\n\n`);

await run('train', samples, '--head', head, '--data', data);

const key = await keyWhereOneIsNeeded();
const server = start('pipe', 'serve', '--json', '--port', demoPort, '--data', data, '--log-level', 'warn');
try {
  const { address } = await announcement(server.stdout!);
  const { fileName, text, label } = examples[Math.floor(examples.length / 2)];
  process.stdout.write(`\nserving at ${address}; what is ${fileName} with the text “${text}” (${label})?\n`);
  const form = new FormData();
  form.set('head', head);
  form.set('topK', '3');
  form.set('text', text);
  form.set('image', new Blob([await readFile(path.join(samples, fileName))]), fileName);
  const response = await fetch(`${address}/v1/predict`, {
    method: 'POST',
    body: form,
    headers: key ? { Authorization: `Bearer ${key.secret}` } : {},
  });
  if (!response.ok) throw new Error(`the server answered ${response.status}: ${await response.text()}`);
  const { results } = (await response.json()) as {
    results: { labels: { label: string; probability: number }[] }[];
  };
  for (const { label: name, probability } of results[0].labels)
    process.stdout.write(`  ${(100 * probability).toFixed(1).padStart(5)} %  ${name}\n`);
  process.stdout.write(
    `\nNow: npm start, then\n  curl 127.0.0.1:${port}/v1/predict${key ? ' -H "Authorization: Bearer $TANDEM_KEY"' : ''} -F head=${head} -F image=@${samples}/${fileName}\n`,
  );
} finally {
  const ended = new Promise((resolve) => server.on('exit', resolve));
  server.kill('SIGTERM');
  await ended;
  if (key) await read('keys', 'revoke', key.id, '--data', data, '--json');
}

/** A key for the demo alone, in a data folder whose server asks for one. */
async function keyWhereOneIsNeeded(): Promise<{ id: string; secret: string } | undefined> {
  const { keys } = await read<{ keys: unknown[] }>('keys', 'list', '--data', data, '--json');
  if (keys.length === 0) return undefined;
  return read('keys', 'create', `demo ${process.pid}`, '--data', data, '--json');
}

/** What a command of the command line says as JSON. */
async function read<Answer>(...args: string[]): Promise<Answer> {
  const child = start('pipe', ...args);
  const text = await new Response(Readable.toWeb(child.stdout!) as ReadableStream).text();
  return JSON.parse(text);
}

/** Runs a command of the command line, with its output shown. */
async function run(...args: string[]): Promise<void> {
  const child = start('inherit', ...args);
  const code = await new Promise((resolve) => child.on('exit', resolve));
  if (code !== 0) process.exit(1);
}

/** Starts a command of the command line. A SIGTERM is passed on to it. */
function start(stdout: 'inherit' | 'pipe', ...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['inherit', stdout, 'inherit'] });
  const passOn = () => child.kill('SIGTERM');
  process.once('SIGTERM', passOn);
  child.once('exit', () => process.off('SIGTERM', passOn));
  return child;
}

/** The JSON object that `serve --json` starts with. An error, as of another server on the same folder, ends the demo. */
async function announcement(output: NodeJS.ReadableStream): Promise<{ address: string }> {
  let text = '';
  for await (const line of createInterface({ input: output })) {
    text += line;
    if (line === '}') break;
  }
  const { address, error } = JSON.parse(text || '{}');
  if (address !== undefined) return { address };
  process.stderr.write(`${error ? `${error.detail}\n${error.fix}` : 'the server did not start'}\n`);
  process.exit(1);
}
