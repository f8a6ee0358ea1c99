import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { Command } from '@commander-js/extra-typings';
import type { Datasets } from '../app/datasets.ts';
import { storeSettings } from '../config.ts';
import { modalities } from '../modalities/registry.ts';
import type { DatasetSummary } from '../protocols/pipeline/services.ts';
import { textOf } from '../targets/truth.ts';
import { askToLeaveOut, problemLines } from './bad-rows.ts';
import { addColumnOptions, addSettings, example, openFor } from './options.ts';
import { numberText, print, printAside, printJson, table } from './output.ts';
import { progressBar } from './progress-bar.ts';

/** What every command of datasets takes. */
const subcommand = (name: string, summary: string, line: string) =>
  addSettings(
    new Command(name)
      .summary(summary)
      .description(`${summary.slice(0, 1).toUpperCase()}${summary.slice(1)}.`)
      .option('--json', 'print one JSON object'),
    storeSettings,
  ).addHelpText('after', example(`datasets ${line}`));

const check = addColumnOptions(
  subcommand(
    'check',
    'list every problem of a dataset and keep nothing',
    'check photos/ --label-column kind',
  ).argument('<dataset>', 'a folder, a table whose images lie beside it, or a zip or tar file'),
).action(async (source, { json, allProblems, ...columns }, called) => {
  await using tandem = await openFor(called, storeSettings);
  const found = await tandem.datasets.check(source, {
    ...columns,
    onProgress: progressBar(),
  });
  const isUsable = found.problemCount === 0;
  if (json) printJson({ isUsable, ...found });
  else showCheck(found, allProblems);
  if (!isUsable) process.exitCode = 1;
});

const bring = addColumnOptions(
  subcommand(
    'import',
    'check a dataset and keep it, each image once',
    'import photos.zip --name pets',
  ).argument('<dataset>', 'a folder, a table whose images lie beside it, or a zip or tar file'),
)
  .option('--name <name>', 'what to call it; else the name of the folder or file')
  .action(async (source, { json, ...options }, called) => {
    await using tandem = await openFor(called, storeSettings);
    const imported = await tandem.datasets.import(source, {
      ...options,
      onBadRows: askToLeaveOut(),
      onProgress: progressBar(),
    });
    if (json) return printJson(imported);
    const { isNew, dataset } = imported;
    print(`${dataset.id}: ${describe(dataset)}${isNew ? '' : ' (it was here already)'}`);
    for (const note of dataset.notes) print(`note: ${note}`);
  });

const list = subcommand('list', 'list the imported datasets', 'list').action(async ({ json }, called) => {
  await using tandem = await openFor(called, storeSettings);
  const { datasets, damaged } = await tandem.datasets.list();
  if (json) return printJson({ datasets, ...(damaged.length > 0 && { damaged }) });
  const rows = datasets.map(({ id, counts, createdAt }) => [
    id,
    String(counts.examples),
    String(filesIn(counts)),
    labelsText(counts),
    createdAt,
  ]);
  print(table([['dataset', 'examples', 'files', 'labels', 'imported'], ...rows]));
  for (const { problem } of damaged) printAside(`damaged: ${problem}`);
});

const send = subcommand(
  'export',
  'write a dataset as a zip file that imports as the same dataset',
  'export pets-0a1b2c3d4e5f pets.zip',
)
  .argument('<id>', 'id of the dataset')
  .argument('[file]', 'where to; default: <name>.zip')
  .action(async (id, given, { json }, called) => {
    await using tandem = await openFor(called, storeSettings);
    const { name, content } = await tandem.datasets.export(id);
    const file = given ?? `${name.replaceAll(/[/\\]/g, '_')}.zip`;
    const temporary = `${file}.part`;
    try {
      await pipeline(content, createWriteStream(temporary));
      await rename(temporary, file);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    if (json) printJson({ id, file });
    else print(`${id} is in ${file}`);
  });

const remove = subcommand(
  'delete',
  'forget a dataset, and its images where no other one has them',
  'delete pets-0a1b2c3d4e5f',
)
  .argument('<id>', 'id of the dataset')
  .action(async (id, { json }, called) => {
    await using tandem = await openFor(called, storeSettings);
    await tandem.datasets.delete(id);
    if (json) printJson({ deleted: id });
    else print(`${id} is gone`);
  });

export const datasets = new Command('datasets')
  .summary('check, import, list, export and delete datasets')
  .description('Datasets that are kept: checked once, each image stored once, named by their id ever after.')
  .addHelpText('after', example('datasets import photos.zip --name pets'))
  .addCommand(check)
  .addCommand(bring)
  .addCommand(list)
  .addCommand(send)
  .addCommand(remove);

function showCheck(
  { name, counts, preview, notes, problems, problemCount }: Awaited<ReturnType<Datasets['check']>>,
  allProblems?: boolean,
): void {
  const having = modalities.flatMap(({ name, noun }) => {
    const count = counts.content[name];
    return count ? [`${count.examples} with ${noun}`] : [];
  });
  print([`${name}: ${counts.examples} examples`, ...having].join(', '));
  print(
    counts.numbers
      ? `${labelsText(counts)}, ${numberText(counts.numbers.mean)} on average`
      : table([
          ['label', 'examples'],
          ...counts.labels.map(({ label, examples }) => [label, String(examples)]),
        ]),
  );
  for (const { at, content, truth } of preview) {
    const { text, ...others } = content;
    const shown = [...Object.values(others), ...(text ? [JSON.stringify(text.slice(0, 60))] : [])];
    print(`  ${at}: ${shown.join(', ')} -> ${textOf(truth)}`);
  }
  for (const note of notes) print(`note: ${note}`);
  for (const line of problemLines(problems, allProblems)) print(line);
  const counted = problemCount === 1 ? '1 problem' : `${problemCount} problems`;
  print(problemCount === 0 ? 'no problems' : counted);
}

function describe({ counts }: DatasetSummary): string {
  return `${counts.examples} examples, ${filesIn(counts)} different files, ${labelsText(counts)}`;
}

/** Different files, of all modalities. */
function filesIn({ content }: DatasetSummary['counts']): number {
  return Object.values(content).reduce((sum, { files = 0 }) => sum + files, 0);
}

/** @example labelsText(dataset.counts) // '12 labels' or 'numbers from 1 to 99' */
function labelsText({ labels, numbers }: DatasetSummary['counts']): string {
  if (numbers) return `numbers from ${numberText(numbers.least)} to ${numberText(numbers.most)}`;
  return `${labels.length} ${labels.length === 1 ? 'label' : 'labels'}`;
}
