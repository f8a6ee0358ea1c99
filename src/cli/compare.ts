import { Command } from '@commander-js/extra-typings';
import { encoderSettings } from '../config.ts';
import { TandemError } from '../errors.ts';
import type { MetricTitle } from '../evaluation/metrics.ts';
import type { Difference } from '../evaluation/paired-difference.ts';
import { evaluations } from '../evaluation/targets.ts';
import { modalityNames } from '../modalities/registry.ts';
import { targets } from '../targets/targets.ts';
import type { TunedComparison } from '../training/compare-tuning.ts';
import type { Comparison, ContenderResult, Spread } from '../training/comparison.ts';
import { addDatasetOptions, addSettings, example, numberOption, openFor, showWork } from './options.ts';
import { metricText, print, printJson, table } from './output.ts';

const command = addDatasetOptions(
  new Command('compare')
    .summary('train every strategy on equal terms and say which is better')
    .description(
      'Trains ARL (with the entropy and with the variance under dropout), uniform weights, joint training, OGM-GE, PDMP, late fusion and each modality alone on the same splits of a dataset, with the same budget, over several seeds. Each is calibrated on a part of its training side, as a head that is served. Nothing is registered.',
    )
    .argument(
      '<dataset>',
      'folder or table of the dataset, laid out as for train, or the id of an imported one',
    )
    .option('--seeds <count>', 'how many splits to train on', numberOption(2, 1000), 5),
)
  .option(
    '--tune <blocks>',
    'compare heads on frozen and on tuned encoders instead, the modalities of these balanced in several ways: text:last-2, image:last-1, or both where it is given twice, or auto for all; see train',
    (value: string, others: string[] = []) => [...others, value],
  )
  .option('--report <file>', 'write what was found as a page that opens anywhere')
  .option('--json', 'print one JSON object');

export const compare = addSettings(command, encoderSettings)
  .addHelpText('after', example('compare photos/ --seeds 10 --report comparison.html'))
  .action(async (dataset, { json, tune, ...options }, called) => {
    await using tandem = await openFor(called, encoderSettings);
    if (tune) {
      const { report, ...others } = options;
      if (report !== undefined)
        throw new TandemError('invalid-request', 'report: --tune writes none; leave it out');
      const comparison = await tandem.compareTuning(dataset, { ...others, tune, ...showWork() });
      if (json) printJson(comparison);
      else showTuned(comparison);
      return;
    }
    const comparison = await tandem.compare(dataset, { ...options, ...showWork() });
    if (json) printJson(comparison);
    else show(comparison, 'arl');
  });

function showTuned(comparison: TunedComparison): void {
  const { target, tuned, tuning } = comparison;
  print(`tuned: ${tuned.join(', ')}`);
  show(comparison, 'tuned-arl');
  for (const metric of evaluations[target].titles) {
    const difference = tuning[metric.name];
    if (difference) print(`tuned-joint against frozen: ${finding(difference, metric)}`);
  }
}

/** In words, with the interval. */
function finding(
  { mean, margin, isDifferent }: Difference,
  { title, isShare, moreIsBetter }: MetricTitle,
): string {
  const interval = [mean - margin, mean + margin].map((value) => metricText(value, isShare)).join(' to ');
  const words = isDifferent ? (mean > 0 === moreIsBetter ? 'better' : 'worse') : 'no difference';
  return `${words} (${title}, 95 % interval of the difference ${interval})`;
}

function show(
  { dataset, target, examples, labels, seeds, split, results, verdict }: Comparison<string>,
  own: string,
): void {
  const runs =
    split === 'marked' ? `${seeds.length} seeds on the dataset's own split` : `${seeds.length} splits`;
  print(
    `${dataset}: ${targets[target].describeAnswers(labels)}, ${examples.training} examples to train on, ${examples.test} to test on, ${runs}`,
  );
  const titles = evaluations[target].titles;
  const [main] = titles;
  const known = modalityNames.filter((name) => results.some(({ unimodal }) => unimodal[name]));
  const row = ({ contender, fused, unimodal }: ContenderResult<string>) => [
    contender,
    ...titles.map((metric) => spread(fused, metric)),
    ...known.map((name) => spread(unimodal[name], main)),
  ];
  print(
    table([
      ['trained as', ...titles.map(({ title }) => title), ...known.map((name) => `${main.title}, ${name}`)],
      ...results.map(row),
    ]),
  );
  if (!verdict) return;
  const { against, difference } = verdict;
  print(`${own} against ${against}, the best of the others: ${finding(difference, main)}`);
  if (split === 'marked')
    print(
      'the test examples were the same each time: the interval covers seeds only, not other test examples',
    );
}

function spread(figures: Record<string, Spread> | undefined, { name, isShare }: MetricTitle): string {
  const figure = figures?.[name];
  if (!figure) return '';
  const { mean, standardDeviation } = figure;
  return `${metricText(mean, isShare)} ± ${metricText(standardDeviation, isShare)}`;
}
