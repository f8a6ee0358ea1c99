import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { Command } from 'commander';
import { print, printJson, table } from '../../src/cli/output.ts';
import { counts } from '../options.ts';
import type { ScaleResult } from './measure.ts';

export const scale = new Command('scale')
  .summary('time and memory as the training set grows')
  .description(
    'Trains on synthetic features (1280 and 384 numbers a row) of growing sets, each in a process of its own, and prints what an example costs, how much memory the process took at most, and how long the graph takes to build. Large sets are written to a file first, in the folder given.',
  )
  .option('--rows <counts>', 'sizes of the training set', counts, [1000, 10_000, 50_000, 200_000, 1_000_000])
  .option('--classes <counts>', 'numbers of labels', counts, [10, 1000])
  .option('--folder <path>', 'where the features of large sets lie; 6.7 GB for a million rows', '.')
  .option('--threads <counts>', 'threads of ONNX Runtime', counts, [2])
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nExample:\n  npm run -s bench -- scale --rows 1000,200000 --classes 10')
  .action(async (options) => {
    const results: ScaleResult[] = [];
    for (const classes of options.classes)
      for (const rows of options.rows)
        for (const threads of options.threads) {
          results.push(await inOwnProcess(rows, classes, threads, options.folder));
          if (!options.json) process.stderr.write(`${cells(results.at(-1)!).join('  ')}\n`);
        }
    if (options.json) return printJson(results);
    print(table([head, ...results.map(cells)]));
  });

const head = [
  'rows',
  'labels',
  'features lie',
  'train, µs an example',
  'scale and evaluate, µs an example',
  'most memory, MB',
  'build, ms',
  'accuracy',
];

function cells(result: ScaleResult): string[] {
  return [
    String(result.rows),
    String(result.classes),
    result.onDisk ? 'on disk' : 'in memory',
    result.training.toFixed(1),
    result.around.toFixed(1),
    result.megabytes.toFixed(0),
    result.build.toFixed(0),
    result.accuracy.toFixed(3),
  ];
}

async function inOwnProcess(...work: (number | string)[]): Promise<ScaleResult> {
  const child = fork(path.join(import.meta.dirname, 'measure.ts'), work.map(String));
  const [result] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the measuring process ended with code ${code}`);
    }),
  ]);
  return result as ScaleResult;
}
