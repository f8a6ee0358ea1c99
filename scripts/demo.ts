/** `npm run demo`: builds the sample set, fine-tunes a head on it, serves it and predicts one image. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { buildSampleSet } from './build-sample-set.ts';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const data = 'data';
const samples = path.join(data, 'samples', 'emoji');
const head = 'demo';

process.stdout.write('building the sample set: emoji images with texts\n');
const examples = await buildSampleSet(samples);
process.stdout.write(`${examples.length} examples in ${samples}\n\n`);

await run('train', samples, '--head', head, '--data', data);

const server = start('pipe', 'serve', '--json', '--port', '0', '--data', data, '--log-level', 'warn');
try {
  const { address } = await announcement(server.stdout!);
  const { fileName: file, text, label } = examples[Math.floor(examples.length / 2)];
  process.stdout.write(`\nserving at ${address}; what is ${file} with the text “${text}” (${label})?\n`);
  const form = new FormData();
  form.set('head', head);
  form.set('topK', '3');
  form.set('text', text);
  form.set('image', new Blob([await readFile(path.join(samples, file))]), file);
  const response = await fetch(`${address}/v1/predict`, { method: 'POST', body: form });
  const { results } = (await response.json()) as {
    results: { labels: { label: string; probability: number }[] }[];
  };
  for (const { label: name, probability } of results[0].labels)
    process.stdout.write(`  ${(100 * probability).toFixed(1).padStart(5)} %  ${name}\n`);
  process.stdout.write(
    `\nNow: npm start, then\n  curl 127.0.0.1:8080/v1/predict -F head=${head} -F image=@${samples}/${file}\n`,
  );
} finally {
  server.kill('SIGTERM');
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
