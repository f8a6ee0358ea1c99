import { Command, Option } from 'commander';
import { encoderOptions, featureCache } from '../app/encoder-settings.ts';
import { shippedHeads, storeOptions } from '../app/store-options.ts';
import { encoderSettings } from '../config.ts';
import { loadEncoders } from '../encoders/encoders.ts';
import { checkHeadName } from '../heads/registry/head-name.ts';
import { HeadRegistry } from '../heads/registry/heads.ts';
import { writeReport } from '../reports/report.ts';
import { openStore } from '../store/store.ts';
import { targets } from '../targets/targets.ts';
import { fineTune } from '../training/fine-tune.ts';
import {
  chooseRecipe,
  defaultRecipe,
  type Recipe,
  trainedFusions,
  trainedStrategies,
} from '../training/loop/recipe.ts';
import {
  addDatasetOptions,
  addSettings,
  columnNames,
  example,
  numberOption,
  openDataset,
  settingsOf,
} from './options.ts';
import { metricsTable, print, printAside, printJson } from './output.ts';
import { progressBar } from './progress-bar.ts';

export const train = addSettings(
  addDatasetOptions(
    new Command('train')
      .summary('fine-tune a head on a folder of pictures and texts')
      .description(
        'Fine-tunes a head on a dataset: a folder with metadata.csv or metadata.jsonl beside the pictures (columns file_name, text, label), or one folder of pictures per class.',
      )
      .argument('<dataset>', 'folder of the dataset, or the id of an imported one')
      .requiredOption('--head <name>', 'name of the head; one that exists gets its next version')
      .option(
        '--seed <number>',
        'decides split, starting values, order and dropout',
        numberOption(0, 2 ** 32),
        0,
      ),
  )
    .option(
      '--no-search',
      'take the default recipe as it is: faster, without cross-validation and calibration',
    )
    .option(
      '--checkpoints <folder>',
      'keep the state of the training here while it runs; the same command goes on from it after an interruption',
    )
    .addOption(
      new Option(
        '--strategy <name>',
        'how picture and text are balanced, or image or text to learn from one alone; compare tells which is best',
      )
        .choices(trainedStrategies)
        .default(defaultRecipe.strategy),
    )
    .addOption(
      new Option(
        '--fusion <name>',
        `how picture and text are joined (default: ${defaultRecipe.fusion}); late fusion joins in its own way`,
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
    .option('--json', 'print one JSON object'),
  encoderSettings,
)
  .addHelpText('after', example('train photos/ --head pets'))
  .action(async (reference: string, options, command: Command) => {
    const { strategy, fusion, variance, classWeights } = options;
    checkHeadName(options.head);
    const recipe = chooseRecipe({ strategy, fusion, variance, classWeights });
    const chosen = settingsOf(command, encoderSettings);
    await using store = await openStore(storeOptions(chosen));
    const onProgress = progressBar();
    const dataset = await openDataset(reference, store, { columns: columnNames(options), onProgress });
    const encoders = await loadEncoders(encoderOptions(chosen));
    try {
      const summary = await fineTune(encoders, new HeadRegistry(store, shippedHeads(chosen)), {
        dataset,
        featureCache: featureCache(chosen),
        head: options.head,
        seed: options.seed,
        testShare: options.testShare,
        splitBy: options.splitBy,
        recipe,
        search: options.search,
        threads: chosen.threads,
        checkpoints: options.checkpoints,
        writeReport,
        onNote: printAside,
        onProgress,
      });
      if (options.json) printJson(summary);
      else {
        const { head, version, examples, seconds, folder } = summary;
        print(
          `${head}@${version}: ${targets[summary.target].describeAnswers(summary.labels.length)}, trained on ${examples.training} examples in ${seconds!.total} s`,
        );
        print(metricsTable(summary.metrics, summary.target));
        print(`report: ${folder}/report.html`);
      }
    } finally {
      await encoders.close();
    }
  });
