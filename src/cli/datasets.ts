import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import { deleteUnused } from '../app/dataset-services.ts';
import { storeOptions } from '../app/store-options.ts';
import { storeSettings } from '../config.ts';
import { DatasetCatalogue, type DatasetRecord } from '../datasets/catalogue.ts';
import { exportDataset } from '../datasets/export.ts';
import { type DatasetSource, importDataset, tryImport } from '../datasets/import/import.ts';
import { TandemError } from '../errors.ts';
import { JobStore } from '../jobs/job-store.ts';
import { openStore, type Store } from '../store/store.ts';
import { textOf } from '../targets/truth.ts';
import { addColumnOptions, addSettings, columnNames, example, settingsOf } from './options.ts';
import { numberText, print, printAside, printJson, table } from './output.ts';
import { progressBar } from './progress-bar.ts';

async function withCatalogue<Result>(
  command: Command,
  work: (catalogue: DatasetCatalogue, store: Store) => Promise<Result>,
): Promise<Result> {
  await using store = await openStore(storeOptions(settingsOf(command, storeSettings)));
  return await work(new DatasetCatalogue(store), store);
}

function subcommand(name: string, summary: string, line: string): Command {
  const command = new Command(name)
    .summary(summary)
    .description(`${summary[0].toUpperCase()}${summary.slice(1)}.`);
  return addSettings(command.option('--json', 'print one JSON object'), storeSettings).addHelpText(
    'after',
    example(`datasets ${line}`),
  );
}

const check = addColumnOptions(
  subcommand(
    'check',
    'list every problem of a dataset and keep nothing',
    'check photos/ --label-column kind',
  ),
)
  .argument('<dataset>', 'a folder, or a zip, tar, CSV or JSONL file')
  .action(async (given: string, options, command: Command) => {
    const workspace = await makeWorkspace(settingsOf(command, storeSettings).data);
    const source = await findSource(given);
    const onProgress = progressBar();
    const { dataset, ...found } = await tryImport(source, { ...columnNames(options), workspace, onProgress });
    const { name, problems, problemCount, notes, counts, preview } = found;
    if (options.json) printJson({ isUsable: dataset !== undefined, ...found });
    else {
      print(
        `${name}: ${counts.examples} examples, ${counts.images} with a picture, ${counts.texts} with a text`,
      );
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
      for (const { at, detail } of problems) print(`${at}: ${detail}`);
      print(problemCount === 0 ? 'no problems' : `${problemCount} problems`);
    }
    if (!dataset) process.exitCode = 1;
  });

const bring = addColumnOptions(
  subcommand('import', 'check a dataset and keep it, each picture once', 'import photos.zip --name pets'),
)
  .argument('<dataset>', 'a folder, or a zip, tar, CSV or JSONL file')
  .option('--name <name>', 'what to call it; else the name of the folder or file')
  .action(async (given: string, options, command: Command) => {
    const { data } = settingsOf(command, storeSettings);
    const source = await findSource(given);
    const workspace = await makeWorkspace(data);
    const { record, isNew } = await withCatalogue(command, (catalogue) =>
      importDataset(catalogue, source, {
        ...columnNames(options),
        name: options.name,
        workspace,
        onProgress: progressBar(),
      }),
    );
    if (options.json) printJson({ isNew, dataset: record });
    else {
      print(`${record.id}: ${describe(record)}${isNew ? '' : ' (it was here already)'}`);
      for (const note of record.notes) print(`note: ${note}`);
    }
  });

const list = subcommand('list', 'list the imported datasets', 'list').action(
  async (options, command: Command) => {
    const damaged: { id: string; problem: string }[] = [];
    const records = await withCatalogue(command, (catalogue) =>
      catalogue.list((id, { message }) => damaged.push({ id, problem: message })),
    );
    if (options.json) return printJson({ datasets: records, ...(damaged.length > 0 && { damaged }) });
    const rows = records.map(({ id, counts, createdAt }) => [
      id,
      String(counts.examples),
      String(counts.distinctImages),
      labelsText(counts),
      createdAt,
    ]);
    print(table([['dataset', 'examples', 'pictures', 'labels', 'imported'], ...rows]));
    for (const { problem } of damaged) printAside(`damaged: ${problem}`);
  },
);

const send = subcommand(
  'export',
  'write a dataset as a zip file that imports as the same dataset',
  'export pets-0a1b2c3d4e5f pets.zip',
)
  .argument('<id>', 'id of the dataset')
  .argument('[file]', 'where to; <name>.zip unless said')
  .action(async (id: string, given: string | undefined, options, command: Command) => {
    const file = await withCatalogue(command, async (catalogue) => {
      const file = given ?? `${(await catalogue.get(id)).name.replaceAll(/[/\\]/g, '_')}.zip`;
      const temporary = `${file}.part`;
      try {
        await pipeline(await exportDataset(catalogue, id), createWriteStream(temporary));
        await rename(temporary, file);
        return file;
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    });
    if (options.json) printJson({ id, file });
    else print(`${id} is in ${file}`);
  });

const remove = subcommand(
  'delete',
  'forget a dataset, and its pictures where no other one has them',
  'delete pets-0a1b2c3d4e5f',
)
  .argument('<id>', 'id of the dataset')
  .action(async (id: string, options, command: Command) => {
    await withCatalogue(command, async (catalogue, { database }) =>
      deleteUnused(catalogue, id, new JobStore(database)),
    );
    if (options.json) printJson({ deleted: id });
    else print(`${id} is gone`);
  });

export const datasets = new Command('datasets')
  .summary('check, import, list, export and delete datasets')
  .description(
    'Datasets that are kept: checked once, each picture stored once, named by their id ever after.',
  )
  .addHelpText('after', example('datasets import photos.zip --name pets'));
for (const command of [check, bring, list, send, remove]) datasets.addCommand(command);

async function findSource(given: string): Promise<DatasetSource> {
  const found = await stat(given).catch(() => undefined);
  if (!found) throw new TandemError('unknown-dataset', `there is no folder or file ${JSON.stringify(given)}`);
  return found.isDirectory() ? { folder: given } : { file: given, fileName: path.basename(given) };
}

/** On the disk of the data, so that nothing has to cross disks. */
async function makeWorkspace(data: string): Promise<string> {
  const workspace = path.join(data, 'uploads');
  await mkdir(workspace, { recursive: true });
  return workspace;
}

function describe({ counts }: DatasetRecord): string {
  return `${counts.examples} examples, ${counts.distinctImages} different pictures, ${labelsText(counts)}`;
}

/** @example labelsText(record.counts) // '12 labels' or 'numbers from 1 to 99' */
function labelsText({ labels, numbers }: DatasetRecord['counts']): string {
  if (numbers) return `numbers from ${numberText(numbers.least)} to ${numberText(numbers.most)}`;
  return `${labels.length} ${labels.length === 1 ? 'label' : 'labels'}`;
}
