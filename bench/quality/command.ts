import { Command, InvalidArgumentError, Option } from 'commander';
import { print, printJson, table } from '../../src/cli/output.ts';
import type { LabelMetrics } from '../../src/evaluation/metrics.ts';
import { type Difference, mean, standardDeviation } from '../../src/evaluation/paired-difference.ts';
import { type Metric, measureSet, metricNames, metrics, type SetResult } from './measure.ts';
import { qualitySets, setOfFolder } from './sets.ts';

interface Options {
  data?: string;
  set?: string[];
  seeds: number;
  rivals: boolean;
  json?: boolean;
}

export const quality = new Command('quality')
  .summary('answers on held-out examples, against scikit-learn')
  .description(
    "Trains Tandem's default recipe and a table of scikit-learn's classifiers on the same features and splits, and measures all on the same test rows.",
  )
  .addOption(
    new Option('--set <names...>', 'only these of its datasets').choices(qualitySets.map(({ name }) => name)),
  )
  .option('--data <folder>', 'a dataset of your own instead')
  .option('--seeds <count>', 'splits and trainings, 2 or more', seedCount, 5)
  .option(
    '--no-rivals',
    'Tandem alone: to compare encoders, which TANDEM_TEXT_ENCODER and TANDEM_IMAGE_ENCODER name',
  )
  .option('--json', 'print one JSON object')
  .addHelpText(
    'after',
    `\nDatasets:\n${qualitySets.map(({ name, about }) => `  ${name.padEnd(20)}${about}`).join('\n')}
\nExample:\n  npm run -s bench -- quality --set emoji countries`,
  )
  .action(async ({ data, set, seeds, rivals, json }: Options) => {
    const sets = data ? [setOfFolder(data)] : qualitySets.filter(({ name }) => set?.includes(name) ?? true);
    const results: SetResult[] = [];
    for (const chosen of sets) {
      const result = await measureSet(chosen, {
        seeds,
        rivals,
        onSeed: (seed) => process.stderr.write(`${chosen.name}: seed ${seed + 1} of ${seeds}\n`),
      });
      results.push(result);
      if (!json) printSet(result, seeds);
    }
    if (json) return printJson({ seeds, sets: results });
    if (!rivals) return;
    print('Tandem less the best of the others, with the 95 % interval of the mean:');
    print(
      table([
        ['', ...metricNames.map((metric) => metrics[metric].title)],
        ...results.map(({ set, againstBest }) => [
          set,
          ...metricNames.map((metric) => judgement(metric, againstBest?.[metric].difference)),
        ]),
      ]),
    );
  });

function printSet({ set, about, examples, classes, results }: SetResult, seeds: number): void {
  print(
    `${set} (${about}): ${examples.training} examples to learn from, ${examples.test} to test on, ${classes} labels, ${seeds} seeds`,
  );
  print(
    table([
      ['', ...metricNames.map((metric) => metrics[metric].title)],
      ...Object.entries(results).map(summaryRow),
    ]),
  );
  print();
}

function summaryRow([name, results]: [string, LabelMetrics[]]): string[] {
  const cells = metricNames.map((metric) => {
    const values = results.map((result) => result[metric]);
    return `${mean(values).toFixed(3)} ± ${standardDeviation(values).toFixed(3)}`;
  });
  return [name, ...cells];
}

function judgement(metric: Metric, difference?: Difference): string {
  if (!difference) return '';
  const { mean, margin, isDifferent } = difference;
  const numbers = `${mean > 0 ? '+' : ''}${mean.toFixed(3)} ± ${margin.toFixed(3)}`;
  if (!isDifferent) return `${numbers}, no difference`;
  return `${numbers}, ${mean > 0 === metrics[metric].moreIsBetter ? 'better' : 'worse'}`;
}

function seedCount(text: string): number {
  const count = Number(text);
  if (!(Number.isInteger(count) && count >= 2))
    throw new InvalidArgumentError(
      'It must be a whole number, 2 or more: one seed says nothing about spread.',
    );
  return count;
}
