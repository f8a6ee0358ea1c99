import { Command, InvalidArgumentError } from 'commander';
import { print, printJson, table } from '../../src/commands/output.ts';
import { Engine } from '../../src/runtime/engine.ts';
import { evaluate } from '../../src/training/evaluation.ts';
import {
  type Difference,
  mean,
  pairedDifference,
  standardDeviation,
} from '../../src/training/paired-difference.ts';
import type { HeadMetrics } from '../../src/training/progress.ts';
import { defaultRecipe } from '../../src/training/recipe.ts';
import { splitRows } from '../../src/training/split-rows.ts';
import { answersOfTandem, LogisticRegression, tandemName } from './contenders.ts';
import { encodeDataset } from './features.ts';

type Metric = Exclude<keyof HeadMetrics, 'examples'>;

const metrics: Record<Metric, string> = {
  accuracy: 'accuracy',
  macroF1: 'macro-F1',
  negativeLogLikelihood: 'neg. log likelihood',
  calibrationError: 'calibration error',
};
const metricNames = Object.keys(metrics) as Metric[];

const testShare = 0.2;

export const quality = new Command('quality')
  .summary('answers on held-back examples, against logistic regression')
  .description(
    "Trains Tandem's default recipe and scikit-learn's cross-validated logistic regression on the same features and splits, and measures both on the test side.",
  )
  .option('--data <folder>', 'a dataset of your own (default: the sample set)')
  .option('--seeds <count>', 'splits and trainings, 2 or more', seedCount, 5)
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nExample:\n  npm run -s bench -- quality --data photos/')
  .action(async ({ data, seeds, json }: { data?: string; seeds: number; json?: boolean }) => {
    const { dataset, features } = await encodeDataset(data);
    const classes = dataset.labels.length;
    const engine = Engine.start({ provider: 'cpu', threads: 1 });
    const peer = await LogisticRegression.start(features);
    const results: Record<string, HeadMetrics[]> = {};
    let overlap = 0;
    try {
      for (let seed = 0; seed < seeds; seed++) {
        const split = { ...splitRows(dataset, { seed, testShare }), seed };
        overlap = split.test.length / split.train.length;
        const labels = split.test.map((row) => features.labels[row]);
        const answers = {
          ...(await answersOfTandem(engine, features, split, { classes, recipe: defaultRecipe })),
          ...(await peer.answers(split, classes)),
        };
        for (const [name, rows] of Object.entries(answers))
          results[name] = [...(results[name] ?? []), evaluate(rows, labels)];
        if (process.stderr.isTTY) process.stderr.write(`seed ${seed} of ${seeds} done\n`);
      }
    } finally {
      await peer.close();
      await engine.close();
    }
    const rivals = Object.keys(results).filter((name) => !name.startsWith(tandemName));
    const differences = Object.fromEntries(
      rivals.map((name) => [name, differencesTo(results[tandemName], results[name], overlap)]),
    );
    if (json)
      return printJson({ dataset: dataset.name, examples: dataset.examples.length, results, differences });
    print(
      `${dataset.examples.length} examples, ${classes} labels, ${seeds} seeds: mean ± standard deviation`,
    );
    print(table([['', ...Object.values(metrics)], ...Object.entries(results).map(summaryRow)]));
    print('\nTandem less the other, with the 95 % interval of the mean:');
    print(table([['', ...Object.values(metrics)], ...Object.entries(differences).map(differenceRow)]));
  });

function differencesTo(
  ours: HeadMetrics[],
  theirs: HeadMetrics[],
  overlap: number,
): Record<Metric, Difference> {
  const entries = metricNames.map((metric) => [
    metric,
    pairedDifference(
      ours.map((result) => result[metric]),
      theirs.map((result) => result[metric]),
      overlap,
    ),
  ]);
  return Object.fromEntries(entries);
}

function summaryRow([name, results]: [string, HeadMetrics[]]): string[] {
  const cells = metricNames.map((metric) => {
    const values = results.map((result) => result[metric]);
    return `${mean(values).toFixed(3)} ± ${standardDeviation(values).toFixed(3)}`;
  });
  return [name, ...cells];
}

function differenceRow([name, differences]: [string, Record<Metric, Difference>]): string[] {
  const cells = metricNames.map((metric) => {
    const { mean, margin, isDifferent } = differences[metric];
    const numbers = `${mean > 0 ? '+' : ''}${mean.toFixed(3)} ± ${margin.toFixed(3)}`;
    return isDifferent ? numbers : `${numbers}, no difference`;
  });
  return [`less ${name}`, ...cells];
}

function seedCount(text: string): number {
  const count = Number(text);
  if (!(Number.isInteger(count) && count >= 2))
    throw new InvalidArgumentError(
      'It must be a whole number, 2 or more: one seed says nothing about spread.',
    );
  return count;
}
