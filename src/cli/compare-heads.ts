import { Command } from '@commander-js/extra-typings';
import { headSettings } from '../config.ts';
import type { VersionComparison } from '../evaluation/compare-manifests.ts';
import type { MetricTitle } from '../evaluation/metrics.ts';
import { evaluations } from '../evaluation/targets.ts';
import { valueFor } from '../indexing.ts';
import { textOf } from '../targets/truth.ts';
import type { RowComparison } from '../training/compare-on-rows.ts';
import { addColumnOptions, addSettings, example, openFor, showWork } from './options.ts';
import { metricText, print, printJson, table } from './output.ts';

/** Disagreements that are shown to a person. */
const shown = 10;
/** Characters of a value that are shown to a person. */
const longestValue = 40;

const command = addColumnOptions(
  new Command('compare')
    .summary('say what differs between two versions, and whether one is better')
    .description(
      'Says what differs between two versions, of one head or of two, and shows the figures of both. With a dataset both answer all of it, which tells whether one is better.',
    )
    .argument('<first>', 'name, name@version or name@alias')
    .argument('<second>', 'the same')
    .option('--dataset <dataset>', 'folder or table of a dataset, or the id of an imported one'),
).option('--json', 'print one JSON object');

export const compareHeads = addSettings(command, headSettings)
  .addHelpText('after', example('heads compare pets@2 pets@3 --dataset photos-of-june/'))
  .action(async (first, second, { json, ...options }, called) => {
    await using tandem = await openFor(called, headSettings);
    const comparison = await tandem.heads.compare(first, second, { ...options, ...showWork() });
    if (json) return printJson(comparison);
    const { onDataset } = comparison;
    showVersions(comparison);
    if (onDataset) showRows(comparison, onDataset);
  });

const titles: ReadonlyMap<string, MetricTitle> = new Map(
  Object.values(evaluations)
    .flatMap(({ titles }) => titles)
    .map((title) => [title.name, title]),
);

function nameOf({ name, version }: VersionComparison['first']): string {
  return `${name}@${version}`;
}

function showVersions({ first, second, labels, differences, testedOn, figures }: VersionComparison): void {
  const names = [nameOf(first), nameOf(second)];
  if (labels.added.length > 0) print(`labels that only ${names[1]} gives: ${labels.added.join(', ')}`);
  if (labels.removed.length > 0) print(`labels that only ${names[0]} gives: ${labels.removed.join(', ')}`);
  const changes = differences.map(({ field, first, second }) => [field, short(first), short(second)]);
  if (changes.length > 0) print(table([['what differs', ...names], ...changes]));
  else print(`${names[0]} and ${names[1]} were trained alike`);
  print();
  const written = (value: number | undefined, isShare: boolean) =>
    value === undefined ? '-' : metricText(value, isShare);
  const rows = figures.flatMap(({ answersFrom, name, first, second, difference }) => {
    const metric = titles.get(name);
    if (!metric) return [];
    const { title, isShare } = metric;
    const from = answersFrom === 'fused' ? 'everything' : `${answersFrom} only`;
    return [
      [`${title}, ${from}`, written(first, isShare), written(second, isShare), signed(difference, isShare)],
    ];
  });
  print(table([['each on its own test split', ...names, 'difference'], ...rows]));
  const verdict = { 'the same': 'comparable', others: 'not comparable', unknown: 'perhaps comparable' };
  print(`${verdict[testedOn.examples]}: ${testedOn.why}`);
}

function showRows({ first, second }: VersionComparison, rows: RowComparison): void {
  const { dataset, trainedOnIt, figures, right, mcnemar, disagreements } = rows;
  const names = [nameOf(first), nameOf(second)];
  const words = {
    'the first is better': `${names[0]} is better`,
    'the second is better': `${names[1]} is better`,
    'no difference': 'no difference',
  };
  print();
  print(
    table([
      [`both on ${dataset.name}`, ...names, 'difference', '95 % interval', 'verdict'],
      ...figures.map(({ name, first, second, difference, interval, verdict }) => {
        const { title, isShare } = valueFor(titles, name);
        return [
          title,
          metricText(first, isShare),
          metricText(second, isShare),
          signed(difference, isShare),
          interval.map((bound) => signed(bound, isShare)).join(' to '),
          words[verdict],
        ];
      }),
    ]),
  );
  if (right && mcnemar !== undefined)
    print(
      `of ${dataset.examples} examples ${right.both} are right by both, ${right.onlyFirst} by ${names[0]} alone, ${right.onlySecond} by ${names[1]} alone, ${right.neither} by neither (McNemar’s exact test: p ${mcnemar.toPrecision(2)})`,
    );
  if (dataset.leftOut > 0)
    print(`${dataset.leftOut} examples were left out, because one of them learned from those`);
  for (const name of trainedOnIt)
    print(`note: ${name} was trained on part of this very dataset, which flatters it`);
  if (!disagreements || disagreements.count === 0) return;
  print(`they disagree on ${disagreements.count}:`);
  for (const { row, truth, first, second } of disagreements.rows.slice(0, shown))
    print(
      `  row ${row}, ${textOf(truth) || 'none'}: ${textOf(first) || 'none'}; ${textOf(second) || 'none'}`,
    );
  if (disagreements.count > shown) print('  … (--json lists up to 1000)');
}

function signed(value: number | undefined, isShare: boolean): string {
  if (value === undefined) return '-';
  return `${value >= 0 ? '+' : ''}${metricText(value, isShare)}`;
}

function short(value: unknown): string {
  if (value === undefined) return '-';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > longestValue ? `${text.slice(0, longestValue)}…` : text;
}
