import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { Command } from 'commander';
import { encoderOptions, featureCache } from '../app/encoder-settings.ts';
import { storeOptions } from '../app/store-options.ts';
import { encoderSettings } from '../config.ts';
import { loadEncoders } from '../encoders/encoders.ts';
import { TandemError } from '../errors.ts';
import type { MetricTitle } from '../evaluation/metrics.ts';
import { evaluations } from '../evaluation/targets.ts';
import { modalityNames } from '../modalities/registry.ts';
import { writeComparisonReport } from '../reports/report.ts';
import { openStore } from '../store/store.ts';
import { targets } from '../targets/targets.ts';
import {
  type Comparison,
  type ContenderResult,
  compareStrategies,
  type Spread,
} from '../training/compare.ts';
import {
  addDatasetOptions,
  addSettings,
  columnNames,
  example,
  numberOption,
  openDataset,
  settingsOf,
} from './options.ts';
import { metricText, print, printJson, table } from './output.ts';
import { progressBar } from './progress-bar.ts';

export const compare = addSettings(
  addDatasetOptions(
    new Command('compare')
      .summary('train every strategy on equal terms and say which is better')
      .description(
        'Trains ARL (with the entropy and with the variance under dropout), uniform weights, joint training, OGM-GE, late fusion and each modality alone on the same splits of a dataset, with the same budget, over several seeds. Each is calibrated on a part of its training side, as a head that is served. Nothing is registered.',
      )
      .argument('<dataset>', 'folder of the dataset, laid out as for train, or the id of an imported one')
      .option('--seeds <count>', 'how many splits to train on', numberOption(2, 1000), 5),
  )
    .option('--report <file>', 'write what was found as a page that opens anywhere')
    .option('--json', 'print one JSON object'),
  encoderSettings,
)
  .addHelpText('after', example('compare photos/ --seeds 10 --report comparison.html'))
  .action(async (reference: string, options, command: Command) => {
    if (options.report) await checkFolderOf(options.report);
    const chosen = settingsOf(command, encoderSettings);
    await using store = await openStore(storeOptions(chosen));
    const onProgress = progressBar();
    const dataset = await openDataset(reference, store, { columns: columnNames(options), onProgress });
    const encoders = await loadEncoders(encoderOptions(chosen));
    try {
      const comparison = await compareStrategies(encoders, {
        dataset,
        featureCache: featureCache(chosen),
        seeds: Array.from({ length: options.seeds }, (_, seed) => seed),
        testShare: options.testShare,
        splitBy: options.splitBy,
        threads: chosen.threads,
        onProgress,
      });
      if (options.report) await writeComparisonReport(options.report, comparison);
      if (options.json) printJson(comparison);
      else show(comparison);
    } finally {
      await encoders.close();
    }
  });

/** @throws TandemError `invalid-request` before a long comparison rather than after it */
async function checkFolderOf(report: string): Promise<void> {
  const folder = path.dirname(path.resolve(report));
  await access(folder, constants.W_OK).catch(() => {
    throw new TandemError('invalid-request', `--report: nothing can be written into ${folder}`);
  });
}

function show({ dataset, target, examples, labels, seeds, results, verdict }: Comparison): void {
  print(
    `${dataset}: ${targets[target].describeAnswers(labels)}, ${examples.training} examples to train on, ${examples.test} to test on, ${seeds.length} splits`,
  );
  const titles = evaluations[target].titles;
  const [main] = titles;
  const row = ({ contender, fused, unimodal }: ContenderResult) => [
    contender,
    ...titles.map((metric) => spread(fused[metric.name], metric)),
    ...modalityNames.map((name) => {
      const figures = unimodal[name];
      return figures ? spread(figures[main.name], main) : '';
    }),
  ];
  print(
    table([
      [
        'trained as',
        ...titles.map(({ title }) => title),
        ...modalityNames.map((name) => `${main.title}, ${name}`),
      ],
      ...results.map(row),
    ]),
  );
  if (!verdict) return;
  const { against, difference } = verdict;
  const { mean, margin, isDifferent } = difference;
  const interval = [mean - margin, mean + margin]
    .map((value) => metricText(value, main.isShare))
    .join(' to ');
  const words = isDifferent ? (mean > 0 === main.moreIsBetter ? 'better' : 'worse') : 'no difference';
  print(
    `arl against ${against}, the best of the others: ${words} (${main.title}, 95 % interval of the difference ${interval})`,
  );
}

function spread({ mean, standardDeviation }: Spread, { isShare }: MetricTitle): string {
  return `${metricText(mean, isShare)} ± ${metricText(standardDeviation, isShare)}`;
}
