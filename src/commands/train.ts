import { Command, InvalidArgumentError } from 'commander';
import { encoderSettings } from '../config.ts';
import { loadEncoders } from '../inference/encoders.ts';
import { fineTune } from '../training/fine-tune.ts';
import { defaultRecipe } from '../training/recipe.ts';
import { addSettings, encoderOptions, headRegistry, settingsOf } from './options.ts';
import { metricsTable, print, printJson } from './output.ts';
import { progressBar } from './progress-bar.ts';

export const train = addSettings(
  new Command('train')
    .summary('fine-tune a head on a folder of pictures and texts')
    .description(
      'Fine-tunes a head on a dataset: a folder with metadata.csv or metadata.jsonl beside the pictures (columns file_name, text, label), or one folder of pictures per class.',
    )
    .argument('<dataset>', 'folder of the dataset')
    .requiredOption('--head <name>', 'name of the head; one that exists gets its next version')
    .option('--seed <number>', 'decides split, starting values, order and dropout', wholeNumber, 0)
    .option('--test-share <share>', 'share of the examples kept back to measure on', share, 0.2)
    .option('--image-column <name>', 'column of the metadata file that names the picture')
    .option('--text-column <name>', 'column that holds the text')
    .option('--label-column <name>', 'column that holds the label')
    .option('--json', 'print one JSON object'),
  encoderSettings,
)
  .addHelpText('after', '\nExample:\n  npm run -s tandem -- train photos/ --head pets')
  .action(async (dataset: string, options, command: Command) => {
    const chosen = settingsOf(command, encoderSettings);
    const encoders = await loadEncoders(encoderOptions(chosen));
    try {
      const summary = await fineTune(encoders, headRegistry(chosen), {
        dataset,
        columns: definedOnly({
          imageColumn: options.imageColumn,
          textColumn: options.textColumn,
          labelColumn: options.labelColumn,
        }),
        head: options.head,
        seed: options.seed,
        testShare: options.testShare,
        recipe: defaultRecipe,
        threads: chosen.threads,
        onProgress: progressBar(),
      });
      if (options.json) printJson(summary);
      else {
        const { head, version, examples, seconds, folder } = summary;
        print(
          `${head}@${version}: ${summary.labels.length} labels, trained on ${examples.training} examples in ${seconds.total} s`,
        );
        print(metricsTable(summary.metrics));
        print(`report: ${folder}/report.html`);
      }
    } finally {
      await encoders.close();
    }
  });

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number, 0 or more.');
  return Number(text);
}

function share(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('It must lie between 0 and 1.');
  return value;
}

function definedOnly<Content extends object>(object: Content): Partial<Content> {
  return Object.fromEntries(
    Object.entries(object).filter(([, value]) => value !== undefined),
  ) as Partial<Content>;
}
