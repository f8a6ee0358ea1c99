import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { encoderSettings } from '../config.ts';
import { evaluations } from '../evaluation/targets.ts';
import { type ModalityName, modalities } from '../modalities/registry.ts';
import { product } from '../product.ts';
import type { TargetKind } from '../targets/target-kind.ts';
import { targets } from '../targets/targets.ts';
import { defaultRecipe, type Recipe, trainedFusions, trainedStrategies } from '../training/loop/recipe.ts';
import type { TrainingSummary } from '../training/progress.ts';
import {
  addDatasetOptions,
  addSettings,
  example,
  givenFlags,
  numberOption,
  openFor,
  placeSettings,
  shareOption,
  showWork,
} from './options.ts';
import { metricsTable, metricText, print, printJson, table } from './output.ts';

const command = addDatasetOptions(
  new Command('train')
    .summary('fine-tune a head on a table or folder of images and texts')
    .description(
      'Fine-tunes a head on a dataset: a table (CSV, TSV, JSON lines, JSON, Parquet or Excel) with the images beside it (columns file_name, text, label), a folder with metadata.csv or metadata.jsonl, or one folder of images per class.',
    )
    .argument('<dataset>', 'folder or table of the dataset, or the id of an imported one')
    .requiredOption('--head <name>', 'name of the head; one that exists gets its next version')
    .option(
      '--seed <number>',
      'decides split, starting values, order and dropout',
      numberOption(0, 2 ** 32),
      0,
    ),
)
  .option('--no-search', 'take the default recipe as it is: faster, without cross-validation and calibration')
  .option(
    '--refit',
    'train the served head on every row once it is measured; the default where the dataset has no split of its own',
  )
  .option('--no-refit', 'serve the head that was measured, which never saw the test examples')
  .option(
    '--accept-accuracy <share>',
    'accept answers from the threshold on that reaches this accuracy on held-out examples; all others are unsure',
    shareOption,
  )
  .option(
    '--checkpoints <folder>',
    'keep the state of the training here while it runs; the same command goes on from it after an interruption',
  )
  .addOption(
    new Option(
      '--strategy <name>',
      'how the modalities are balanced, or one of them to learn from it alone; compare tells which is best',
    )
      .choices(trainedStrategies)
      .default(defaultRecipe.strategy),
  )
  .addOption(
    new Option(
      '--fusion <name>',
      `how the modalities are joined (default: ${defaultRecipe.fusion}); late fusion joins in its own way`,
    ).choices(trainedFusions),
  )
  .addOption(
    new Option(
      '--variance <proxy>',
      'what ARL takes for the variance of a modality: the entropy of its answers, as in the paper and the default, or how they vary under dropout',
    ).choices(['entropy', 'dropout'] satisfies Recipe['variance'][]),
  )
  .addOption(
    new Option('--class-weights <weights>', 'balanced: rare labels count as much as common ones')
      .choices(['none', 'balanced'] satisfies Recipe['classWeights'][])
      .default('none'),
  )
  .addOption(
    new Option(
      '--lexical <when>',
      'read the characters of texts beside the text encoder: auto where cross-validation finds that it helps',
    )
      .choices(['auto', 'on', 'off'] satisfies Recipe['lexical'][])
      .default(defaultRecipe.lexical),
  )
  .option(
    '--tune <blocks>',
    'train the last blocks of an encoder with the head, such as text:last-2 or image:last-1, or of both where it is given twice; or adapters of a rank on its linear layers, such as text:lora-8 or text:last-2-lora-8; auto tries the last blocks of each and of all; the head keeps the encoders as they are where that does not pay',
    (value: string, others: string[] = []) => [...others, value],
  )
  .option(
    '--start-from <head>',
    'a head that `heads zero-shot` made: few examples are blended with the names of the labels, with its encoders',
  )
  .option(
    '--batch-size <count>',
    'of a tuning: examples that a step learns from (default: 32)',
    numberOption(2, 1024),
  )
  .option(
    '--accumulate <parts>',
    'of a tuning: compute each batch in so many parts, one after the other: less memory, and about a third slower',
    numberOption(1, 1024),
  )
  .option(
    '--memory <MiB>',
    'of a tuning: memory that it may take; an error says what to change where it is not enough (default: what is free)',
    numberOption(1, 2 ** 30),
  )
  .option('--json', 'print one JSON object');

export const train = addSettings(command, encoderSettings)
  .addHelpText('after', example('train photos/ --head pets'))
  .action(async (dataset, { json, ...options }, called) => {
    await using tandem = await openFor(called, encoderSettings);
    const summary = await tandem.train(dataset, { ...options, ...showWork() });
    if (json) printJson(summary);
    else show(summary, called);
  });

/** What examples added to the names of the labels. */
function startTable(
  { head, curve }: NonNullable<TrainingSummary['startedFrom']>,
  target: TargetKind,
): string {
  const [{ title, isShare }] = evaluations[target].titles;
  return table([
    [`${title} by examples of each label`, `from ${head}`, 'without it'],
    ...curve.map(({ perLabel, blend, plain }) => [
      ...[String(perLabel), metricText(blend, isShare)],
      plain === undefined ? '' : metricText(plain, isShare),
    ]),
  ]);
}

/** What stands for content of each modality in a command to type. */
const sampleFlags: Record<ModalityName, string> = {
  image: '--image photo.jpg',
  text: "--text 'a text'",
  table: `--table '{"column": 1}'`,
};

function show(summary: TrainingSummary, called: CommandUnknownOpts): void {
  const { head, version, target, labels, examples, refit, seconds, metrics, startedFrom, folder } = summary;
  const time = seconds ? ` in ${seconds.total} s` : '';
  print(
    `${head}@${version}: ${targets[target].describeAnswers(labels.length)}, trained on ${refit?.examples ?? examples.training} examples${time}`,
  );
  print(metricsTable(metrics, target));
  if (refit)
    print(
      `measured on ${examples.test} examples by a head trained on the other ${examples.training}; the head that is served was then trained on all`,
    );
  if (startedFrom) print(startTable(startedFrom, target));
  print(`report: ${pathToFileURL(path.join(folder, 'report.html'))}`);
  const content = modalities
    .filter(({ name }) => metrics.unimodal[name])
    .map(({ name }) => sampleFlags[name]);
  const given = givenFlags(called, placeSettings);
  print('next:');
  print(`  ${[product.invocation, 'predict', '--head', head, ...content, ...given].join(' ')}`);
  print(`  ${[product.invocation, 'serve', '--default-head', head, ...given].join(' ')}`);
}
