import { stat } from 'node:fs/promises';
import path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { environmentVariable, readSettings, type SettingName, type Settings, settings } from '../config.ts';
import { DatasetCatalogue } from '../datasets/catalogue.ts';
import type { DatasetPurpose } from '../datasets/check/labels.ts';
import { readDataset } from '../datasets/dataset.ts';
import type { ColumnNames, Dataset } from '../datasets/example.ts';
import type { ImportProgress } from '../datasets/import/import.ts';
import { splitMethods } from '../datasets/split/split.ts';
import { TandemError } from '../errors.ts';
import { product } from '../product.ts';
import type { Store } from '../store/store.ts';
import { type TargetKind, targetKinds } from '../targets/target.ts';
import { printAside } from './output.ts';

/** The end of a command's help: what to type. */
export const example = (line: string) => `\nExample:\n  ${product.invocation} ${line}`;

/** Adds the flags of settings to a command. */
export function addSettings(command: Command, names: readonly SettingName[]): Command {
  for (const setting of names) {
    const { about, value, default: fallback } = settings[setting];
    const shown = path.isAbsolute(fallback) ? path.relative(process.cwd(), fallback) || '.' : fallback;
    command.option(
      `--${setting} <${value}>`,
      `${about} (default: ${shown}; ${environmentVariable(setting)})`,
    );
  }
  return command;
}

/** The settings of a command that was called. */
export function settingsOf<Names extends SettingName>(
  command: Command,
  names: readonly Names[],
): Settings<Names> {
  const flags = Object.fromEntries(
    command.options.map((option) => [option.long?.slice(2), command.getOptionValue(option.attributeName())]),
  );
  return readSettings(names, flags, process.env);
}

export interface DatasetChoice {
  /** The columns that the command was given. */
  columns?: Partial<ColumnNames>;
  /** How a folder's labels are read, where the command doesn't say. */
  target?: TargetKind;
  /** A training unless said. */
  purpose?: DatasetPurpose;
  onProgress?(progress: ImportProgress): void;
}

/**
 * The dataset that a command was given: a folder, or the id of one that was imported. What is to be noted of it goes to
 * the person.
 * @throws TandemError `unknown-dataset`, `invalid-dataset`; `invalid-request` where columns of an imported one are named
 */
export async function openDataset(
  reference: string,
  store: Store,
  choice: DatasetChoice = {},
): Promise<Dataset> {
  const dataset = await findDataset(reference, store, choice);
  for (const note of dataset.notes) printAside(`note: ${note}`);
  return dataset;
}

async function findDataset(
  reference: string,
  store: Store,
  { columns = {}, target, purpose, onProgress }: DatasetChoice,
): Promise<Dataset> {
  const found = await stat(reference).catch(() => undefined);
  if (found?.isFile())
    throw new TandemError(
      'unknown-dataset',
      `${JSON.stringify(reference)} is a file; \`datasets import ${reference}\` takes it, and says the id to name here`,
    );
  if (found?.isDirectory())
    return readDataset(reference, {
      ...(target && { target }),
      purpose,
      ...columns,
      onProgress: (done, total) => onProgress?.({ stage: 'checking', done, total }),
    });
  return new DatasetCatalogue(store).open(reference, columns).catch((error) => {
    if (!(error instanceof TandemError) || error.code !== 'unknown-dataset') throw error;
    throw new TandemError(
      'unknown-dataset',
      `there is no folder ${JSON.stringify(reference)}, and ${error.message}`,
    );
  });
}

/** Adds what every command takes that reads and splits a dataset. */
export function addDatasetOptions(command: Command): Command {
  return addColumnOptions(
    command
      .option('--test-share <share>', 'share of the examples kept back to measure on', shareOption, 0.2)
      .addOption(
        new Option(
          '--split-by <method>',
          'draw them label by label, or each by its content, so that sides last when the dataset grows',
        )
          .choices(splitMethods)
          .default('stratified'),
      ),
  );
}

/** Adds the names of a table's columns. */
export function addColumnOptions(command: Command): Command {
  return command
    .option('--image-column <name>', 'column of the metadata file that names the picture')
    .option('--text-column <name>', 'column that holds the text')
    .option('--label-column <name>', 'column that holds the label')
    .addOption(
      new Option('--target <kind>', 'one label a row, any of several, or a number').choices(targetKinds),
    )
    .option(
      '--label-separator <text>',
      'what separates several labels in one text; a list needs none (default: "|")',
    );
}

/** The columns that a command was given; those that it was not keep their usual names. */
export function columnNames(options: Partial<ColumnNames>): Partial<ColumnNames> {
  const { imageColumn, textColumn, labelColumn, target, labelSeparator } = options;
  return {
    ...(imageColumn !== undefined && { imageColumn }),
    ...(textColumn !== undefined && { textColumn }),
    ...(labelColumn !== undefined && { labelColumn }),
    ...(target !== undefined && { target }),
    ...(labelSeparator !== undefined && { labelSeparator }),
  };
}

/** Reads a whole number of a flag. */
export function numberOption(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    return value;
  };
}

function shareOption(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('It must lie between 0 and 1.');
  return value;
}
