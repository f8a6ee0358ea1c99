import path from 'node:path';
import {
  type Command,
  type CommandUnknownOpts,
  InvalidArgumentError,
  Option,
  type OptionValues,
} from '@commander-js/extra-typings';
import { openTandem } from '../app/open-tandem.ts';
import type { Tandem } from '../app/tandem.ts';
import { type SettingName, type Settings, settings } from '../config.ts';
import {
  type ImageChoice,
  imageChoices,
  type RareLabelChoice,
  rareLabelChoices,
} from '../datasets/example.ts';
import { type SplitMethod, splitMethods } from '../datasets/split/split.ts';
import { product } from '../product.ts';
import { quoteForShell } from '../quote.ts';
import { completeSettings, environmentVariable, readSettings } from '../read-settings.ts';
import type { Setting } from '../setting.ts';
import { type TargetKind, targetKinds } from '../targets/target-kind.ts';
import { askToLeaveOut } from './bad-rows.ts';
import { defaultConfigFiles, readConfigFile } from './config-file.ts';
import { printAside } from './output.ts';
import { progressBar } from './progress-bar.ts';

/** Names the file of settings. */
const configVariable = `${product.name.toUpperCase()}_CONFIG`;

/** The end of a command's help: what to type. */
export const example = (line: string) => `\nExample:\n  ${product.invocation} ${line}`;

/** The same with several. */
export const examples = (...lines: string[]) =>
  `\nExamples:${lines.map((line) => `\n  ${product.invocation} ${line}`).join('')}`;

/** Adds the flags of settings to a command. */
export function addSettings<Any extends CommandUnknownOpts>(
  command: Any,
  names: readonly SettingName[],
): Any {
  for (const setting of names) {
    const { about, value, default: fallback, isSwitch, isRepeatable }: Setting = settings[setting];
    const shown = path.isAbsolute(fallback) ? path.relative(process.cwd(), fallback) || '.' : fallback;
    const flag = isSwitch ? `--${setting} [${value}]` : `--${setting} <${value}>`;
    const option = new Option(flag, `${about} (default: ${shown}; ${environmentVariable(setting)})`);
    if (isRepeatable) option.argParser(withCommas);
    command.addOption(isSwitch ? option.preset('on') : option);
  }
  return command.option(
    '--config <file>',
    `settings, as JSON or YAML, for what neither a flag nor a variable sets (default: ${defaultConfigFiles.join(', ')} here; ${configVariable})`,
  ) as Any;
}

/** What a flag says that was given again: all its values. */
function withCommas(value: string, earlier: string | undefined): string {
  return earlier === undefined ? value : `${earlier},${value}`;
}

/** The settings of a command that was called. */
export function settingsOf<Names extends SettingName>(
  command: CommandUnknownOpts,
  names: readonly Names[],
): Settings<Names> {
  const flags = Object.fromEntries(
    command.options.map((option) => [option.long?.slice(2), command.getOptionValue(option.attributeName())]),
  ) as Record<string, string | undefined>;
  // An empty variable is one that is not set, as of settings.
  const file = readConfigFile(flags.config ?? (process.env[configVariable] || undefined), process.cwd());
  return readSettings(names, flags, process.env, undefined, file);
}

/**
 * Opens a Tandem with the settings of a command that was called.
 * @example await using tandem = await openFor(command, storeSettings);
 */
export function openFor(command: CommandUnknownOpts, names: readonly SettingName[]): Promise<Tandem> {
  return openTandem(completeSettings(settingsOf(command, names)), { onDownload: progressBar() });
}

/** Settings that the commands which a command proposes next need as well, where they were given. */
export const placeSettings = [
  'config',
  'data',
  'artifacts',
  'models',
  'image-encoder',
  'text-encoder',
] as const;

/**
 * The settings that were given as flags, to be repeated in a command that a person is told to type.
 * @example givenFlags(command, ['data']) // ['--data', 'my-data']; [] where nobody gave it
 */
export function givenFlags(
  command: CommandUnknownOpts,
  names: readonly (SettingName | 'config')[],
): string[] {
  return command.options.flatMap((option) => {
    const name = names.find((setting) => `--${setting}` === option.long);
    const value: unknown = name && command.getOptionValue(option.attributeName());
    return value === undefined ? [] : [`--${name}`, quoteForShell(String(value))];
  });
}

/** What a person is shown while a command works with a data set. */
export function showWork() {
  return {
    onProgress: progressBar(),
    onNote: (note: string) => printAside(`note: ${note}`),
    onBadRows: askToLeaveOut(),
  };
}

type ContentColumnFlags = {
  imageColumn?: string;
  textColumn?: string;
  tableColumns?: string[];
};

type ColumnFlags = ContentColumnFlags & {
  labelColumn?: string;
  splitColumn?: string;
  groupColumn?: string;
  images?: ImageChoice;
  ignoredColumns?: string[];
  fetchImages?: true;
  skipBadRows?: true;
  rareLabels?: RareLabelChoice;
  allProblems?: true;
  target?: TargetKind;
  labelSeparator?: string;
};

/** Adds the names of the columns that hold the content. */
export function addContentColumnOptions<Args extends unknown[], Flags extends OptionValues>(
  command: Command<Args, Flags>,
): Command<Args, Flags & ContentColumnFlags> {
  return adding<Args, Flags, ContentColumnFlags>(command, [
    new Option('--image-column <name>', 'column of the table that names the image'),
    new Option('--text-column <name>', 'column that holds the text'),
    new Option(
      '--table-columns <names>',
      'further columns with numbers or categories, such as price,brand',
    ).argParser(columnNames),
  ]);
}

/** Adds the names of a table's columns. */
export function addColumnOptions<Args extends unknown[], Flags extends OptionValues>(
  command: Command<Args, Flags>,
): Command<Args, Flags & ColumnFlags> {
  return adding<Args, Flags & ContentColumnFlags, ColumnFlags>(addContentColumnOptions(command), [
    new Option('--label-column <name>', 'column that holds the label'),
    new Option('--split-column <name>', 'column that says train or test of each row'),
    new Option('--group-column <name>', 'column whose equal values stay on one side of a split'),
    new Option(
      '--images <choice>',
      'of several images in a row: read the first, or each as an example (default: "first")',
    ).choices(imageChoices),
    new Option('--ignored-columns <names>', 'columns that are not read, whatever they are called').argParser(
      columnNames,
    ),
    fetchImagesOption(),
    new Option(
      '--skip-bad-rows',
      'leave out rows that cannot be used (default: ask in a terminal, else stop)',
    ),
    new Option(
      '--rare-labels <choice>',
      'of labels with too few examples: stop, leave them out, or train on them without testing (default: "refuse")',
    ).choices(rareLabelChoices),
    new Option('--all-problems', 'list each problem, instead of one line for those of a kind'),
    new Option('--target <kind>', 'one label a row, any of several, or a number').choices(targetKinds),
    new Option(
      '--label-separator <text>',
      'what separates several labels in one text; a list needs none (default: "|")',
    ),
  ]);
}

/** What downloads images. */
export function fetchImagesOption(): Option<'--fetch-images', undefined, true> {
  return new Option('--fetch-images', 'download images that the table has by their addresses, each once');
}

type SplitFlags = {
  testShare?: number;
  splitBy?: SplitMethod;
};

/** Adds what every command takes that reads and splits a dataset. */
export function addDatasetOptions<Args extends unknown[], Flags extends OptionValues>(
  command: Command<Args, Flags>,
): Command<Args, Flags & ColumnFlags & SplitFlags> {
  return adding<Args, Flags & ColumnFlags, SplitFlags>(addColumnOptions(command), [
    new Option(
      '--test-share <share>',
      'fraction of the examples held out for evaluation (default: 0.2)',
    ).argParser(shareOption),
    new Option(
      '--split-by <method>',
      'draw them label by label, or each by its content, so that sides last when the dataset grows (default: "stratified")',
    ).choices(splitMethods),
  ]);
}

/**
 * The command with more options, whose values have the type that is asked for. Inferred through a generic command it is a
 * declaration of 35 MB.
 */
function adding<Args extends unknown[], Flags extends OptionValues, More>(
  command: Command<Args, Flags>,
  options: readonly Option[],
): Command<Args, Flags & More> {
  for (const option of options) command.addOption(option);
  return command as Command<Args, OptionValues> as Command<Args, Flags & More>;
}

/** @example columnNames('price, brand') // ['price', 'brand'] */
function columnNames(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) throw new InvalidArgumentError('It must be names with commas between them.');
  return names;
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

/** Reads a share of a flag: between 0 and 1. */
export function shareOption(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('It must lie between 0 and 1.');
  return value;
}
