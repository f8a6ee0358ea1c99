import { Command, Option } from 'commander';
import { print, printJson, table } from '../../src/cli/output.ts';
import { count, counts } from '../options.ts';
import { type Comparison, compareTraining } from './compare.ts';
import { makeTable, type Workload } from './workload.ts';

export const training = new Command('training')
  .summary('training steps a second, against PyTorch')
  .description(
    'Times training steps of Tandem against PyTorch (CPU, eager, fused optimizer) doing the same maths on the same batches, after a check that both end with the same parameters.',
  )
  .addOption(new Option('--optimizer <names...>').choices(['sgd', 'adamw']).default(['sgd', 'adamw']))
  .addOption(new Option('--adapter <forms...>').choices(['linear', 'mlp']).default(['mlp']))
  .option('--classes <counts>', 'numbers of labels', counts, [10, 1000])
  .option('--batch-size <counts>', 'examples in a step', counts, [64, 256])
  .option('--threads <counts>', 'threads of each side', counts, [1, 2])
  .option('--rounds <count>', 'rounds to time, each with a training of both', count, 7)
  .option('--steps <count>', 'steps of a timed training; the first 20 are not timed', count, 300)
  .option('--quick', 'ten labels only')
  .option('--json', 'print one JSON object')
  .addHelpText(
    'after',
    '\nExample:\n  npm run -s bench -- training --optimizer adamw --classes 10 --threads 1',
  )
  .action(async (options) => {
    const comparisons: Comparison[] = [];
    for (const classes of options.quick ? [10] : options.classes) {
      const features = makeTable(classes);
      for (const workload of grid(options, classes)) {
        const { rounds, steps } = options;
        const comparison = await compareTraining(workload, features, { rounds, first: 20, steps });
        comparisons.push(comparison);
        if (process.stderr.isTTY)
          process.stderr.write(`${cells(comparison).slice(0, 5).join(' ')}: ${comparison.ratio.median}\n`);
      }
    }
    if (options.json) return printJson(comparisons);
    print(table([head, ...comparisons.map(cells)]));
    const disturbed = comparisons.filter((comparison) => comparison.disturbed).length;
    if (disturbed > 0)
      print(`* ${disturbed} rows are of disturbed rounds: other processes kept using the machine.`);
  });

const head = [
  'optimizer',
  'adapter',
  'labels',
  'batch',
  'threads',
  'Tandem, samples/s',
  'PyTorch, samples/s',
  'ratio, medians',
  'ratio, best rounds',
  'largest difference',
  'build, ms',
  'session, ms',
];

function cells(comparison: Comparison): string[] {
  const { tandem, pytorch, ratio, agreement, preparation } = comparison;
  return [
    comparison.optimizer,
    comparison.adapter,
    String(comparison.classes),
    String(comparison.batchSize),
    String(comparison.threads),
    String(Math.round(tandem.median)),
    String(Math.round(pytorch.median)),
    `${ratio.median.toFixed(2)}${comparison.disturbed ? '*' : ''}`,
    ratio.best.toFixed(2),
    agreement.difference.toExponential(1),
    preparation.build.toFixed(0),
    preparation.session.toFixed(0),
  ];
}

function grid(
  options: Record<'optimizer', Workload['optimizer'][]> &
    Record<'adapter', Workload['adapter'][]> &
    Record<'batchSize' | 'threads', number[]>,
  classes: number,
): Workload[] {
  return options.optimizer.flatMap((optimizer) =>
    options.adapter.flatMap((adapter) =>
      options.batchSize.flatMap((batchSize) =>
        options.threads.map((threads) => ({ optimizer, adapter, classes, batchSize, threads })),
      ),
    ),
  );
}
