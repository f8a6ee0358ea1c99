import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Command } from 'commander';
import { pythonEnvironment } from '../../scripts/python-environment.ts';
import { print, printJson, table } from '../../src/cli/output.ts';
import { count } from '../options.ts';
import { median } from '../statistics.ts';
import { makeJpegDataset } from './images.ts';

const run = promisify(execFile);
const root = path.join(import.meta.dirname, '..', '..');

export const job = new Command('job')
  .summary('a folder of JPEG files to a registered head, against a Python script')
  .description(
    'Times the whole job, processes included: `train --no-search` against a script that decodes with Pillow, encodes with onnxruntime and the same encoders, and trains the same form of head for as many steps with PyTorch. `train` with its search is timed as well, against the same script, which has none.',
  )
  .option('--examples <count>', 'images', count, 400)
  .option('--rounds <count>', 'rounds, each with one run of every side', count, 3)
  .option('--threads <count>', 'threads of each side', count, 2)
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nExample:\n  npm run -s bench -- job --examples 200 --rounds 1')
  .action(async ({ examples, rounds, threads, json }) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'bench-job-'));
    try {
      const dataset = path.join(folder, 'images');
      const made = await makeJpegDataset(dataset, examples, [640, 480]);
      const python = await pythonEnvironment(path.join(root, 'bench', 'peers'));
      const train = (name: string, ...flags: string[]) =>
        timed(process.execPath, [
          path.join(root, 'src', 'main.ts'),
          ...['train', dataset, '--head', 'job', '--json', '--threads', String(threads)],
          // A new folder each time: no round finds what another one encoded.
          ...['--data', path.join(folder, name), ...flags],
        ]);
      const sides: Record<string, (round: number) => Promise<Run>> = {
        'Python script': () =>
          timed(python, [
            path.join(root, 'bench', 'peers', 'job.py'),
            ...[dataset, path.join(root, 'models'), folder, String(threads)],
          ]),
        'Tandem, no search': (round) => train(`plain-${round}`, '--no-search'),
        'Tandem, with search': (round) => train(`search-${round}`),
      };
      const names = Object.keys(sides);
      const runs: Record<string, Run[]> = Object.fromEntries(names.map((name) => [name, []]));
      for (let round = 0; round < rounds; round++)
        for (const name of round % 2 === 0 ? names : names.toReversed())
          runs[name].push(await sides[name](round));
      const secondsOf = (name: string) => median(runs[name].map(({ seconds }) => seconds));
      const results = names.map((name) => ({
        name,
        seconds: secondsOf(name),
        ratio: secondsOf(names[0]) / secondsOf(name),
        accuracy: runs[name][0].accuracy,
      }));
      if (json) return printJson({ examples: made, rounds, threads, results });
      print(`${made} images of 640 by 480 with texts, ${threads} threads, medians of ${rounds} rounds`);
      print(
        table([
          ['', 'seconds', 'times as fast', 'accuracy'],
          ...results.map(({ name, seconds, ratio, accuracy }) => [
            name,
            seconds.toFixed(1),
            ratio.toFixed(2),
            accuracy.toFixed(3),
          ]),
        ]),
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

interface Run {
  seconds: number;
  accuracy: number;
}

/** Runs a program that prints one JSON object, from its start to its end. */
async function timed(program: string, args: string[]): Promise<Run> {
  const started = performance.now();
  const { stdout } = await run(program, args, { cwd: root });
  const seconds = (performance.now() - started) / 1000;
  const result = JSON.parse(stdout);
  return { seconds, accuracy: result.accuracy ?? result.metrics.fused.accuracy };
}
