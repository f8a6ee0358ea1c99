import { readFile } from 'node:fs/promises';
import { Command, type CommandUnknownOpts, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { openTandem } from '../app/open-tandem.ts';
import { headSettings } from '../config.ts';
import { TandemError } from '../errors.ts';
import { type ExplainOptions, explainedParts } from '../heads/explanation.ts';
import type { UnsureReason } from '../heads/prediction.ts';
import { itemAt } from '../indexing.ts';
import { type TableValues, tableText } from '../modalities/table/values.ts';
import { completeSettings } from '../read-settings.ts';
import { whyUnreadable } from '../store/files/why-unreadable.ts';
import type { TargetPrediction } from '../targets/prediction.ts';
import { printExplanation } from './explanation.ts';
import {
  addContentColumnOptions,
  addSettings,
  examples,
  fetchImagesOption,
  numberOption,
  settingsOf,
} from './options.ts';
import { numberText, percent, print, printJson, table } from './output.ts';
import { progressBar } from './progress-bar.ts';
import { scoreTable } from './score-table.ts';

const command = addContentColumnOptions(
  new Command('predict')
    .summary('classify one image, text or values of a table; or every row of a table')
    .description(
      'Classifies one image, one text, values of further columns, or several of them together. With a table or a folder: every row or file of it, written with the answers to --out.',
    )
    .argument(
      '[input]',
      'a table (.csv, .jsonl, .parquet, .xlsx and others), images relative to it, or a folder of images',
    )
    .option(
      '--out <file>',
      'where the rows go with their answers: .csv, .tsv or .jsonl, or - for standard output; an interrupted run goes on with the same command',
    ),
)
  .option('--unimodal', 'of a table: add what each modality alone says')
  .option('--prefix <text>', 'of a table: before the names of the columns that are added')
  .option('--label-separator <text>', 'of a table: between several labels in one cell (default: "|")')
  .option(
    '--escape-formulas',
    'of a table: put an apostrophe before every cell that a spreadsheet would run as a formula',
  )
  .addOption(fetchImagesOption())
  .option('--force', 'replace the output where it is there')
  .option('--restart', 'begin anew instead of going on where a run was interrupted')
  .option('--image <file>', 'a JPEG, PNG, WebP, GIF, TIFF or AVIF file')
  .option('--text <text>', 'a text')
  .addOption(
    new Option('--table <json>', 'values of further columns, such as {"price": 12}').argParser(tableOption),
  )
  .option('--head <head>', 'name, or name@version', 'emoji')
  .option('--top-k <count>', 'labels to show', numberOption(1, 1_000_000), 5)
  .option('--explain', 'show what the answer rests on: regions of the image, words, columns')
  .option('--explain-label <label>', 'the label to explain; the likeliest by default')
  .option(
    '--explain-parts <count>',
    'the most regions, and words, to leave out in turn (default: 36)',
    numberOption(explainedParts.least, explainedParts.most),
  )
  .option('--json', 'print one JSON object');

export const predict = addSettings(command, headSettings)
  .addHelpText(
    'after',
    examples('predict --image cat.jpg --text "a cat on the sofa"', 'predict listings.csv --out scored.csv'),
  )
  .action(async (input, { image: file, text, table: values, topK, ...options }, called) => {
    checkUse(called, input !== undefined);
    if (input !== undefined) return scoreTable(input, options, called);
    const { head: reference, json } = options;
    if (file === undefined && text === undefined && values === undefined)
      throw new TandemError('empty-request', 'give a table, --image, --text, --table or several of these');
    const image = file === undefined ? undefined : await readImage(file);
    const settings = completeSettings({ ...settingsOf(called, headSettings), engines: 1 });
    await using tandem = await openTandem(settings, { onDownload: progressBar() });
    const { head, results } = await tandem.predict([{ image, text, table: values }], {
      head: reference,
      topK,
      explain: explainOptionsOf(options),
    });
    const result = itemAt(results, 0);
    if (result instanceof TandemError) throw result;
    if (json) return printJson({ head, ...result });
    print(`${head.name}@${head.version}, from ${result.modalities.join(' and ')}:`);
    print(predictionTable(result));
    if (result.decision) print(decisionInWords(result.decision, result.reasons ?? []));
    for (const [modality, prediction] of Object.entries(result.unimodal))
      print(`${modality} alone says ${inWords(prediction)}`);
    if (result.explanation) printExplanation(result.explanation);
  });

const ofItem = [
  ...['image', 'text', 'table', 'topK'],
  ...['explain', 'explainLabel', 'explainParts'],
] as const;
const ofTable = [
  ...['imageColumn', 'textColumn', 'tableColumns', 'out', 'unimodal', 'prefix', 'labelSeparator'],
  ...['escapeFormulas', 'fetchImages', 'force', 'restart'],
] as const;

/** Rejects flags that would have no effect. */
function checkUse(called: CommandUnknownOpts, isTable: boolean): void {
  const useless: readonly string[] = isTable ? ofItem : ofTable;
  const given = called.options.find((option) => {
    const name = option.attributeName();
    return useless.includes(name) && called.getOptionValueSource(name) === 'cli';
  });
  if (given)
    throw new TandemError(
      'invalid-request',
      `${given.long} ${isTable ? 'is for one item, and a table is named' : 'is for a table, and none is named'}`,
      {
        fix: isTable
          ? 'Leave it out, or leave the table out.'
          : 'Name a table or a folder: predict listings.csv.',
      },
    );
}

function explainOptionsOf(asked: {
  explain?: true;
  explainLabel?: string;
  explainParts?: number;
}): ExplainOptions | undefined {
  const { explain, explainLabel: label, explainParts: parts } = asked;
  if (!explain && (label !== undefined || parts !== undefined))
    throw new TandemError('invalid-request', '--explain-label and --explain-parts go with --explain', {
      fix: 'Add --explain, or leave them out.',
    });
  return explain && { label, parts };
}

function predictionTable({ labels, value, interval }: TargetPrediction): string {
  if (value !== undefined)
    return [
      numberText(value),
      ...(interval ? [`from ${numberText(interval.low)} to ${numberText(interval.high)}`] : []),
    ].join(', ');
  const rows = labels.map(({ label, probability, given }) => {
    return [label, percent(probability), given ? 'given' : ''];
  });
  const [first, ...others] = rows;
  return first ? table([first, ...others]) : '';
}

/** @example decisionInWords('unsure', [{ reason: 'low-probability' }]) // 'unsure: its probability is low' */
function decisionInWords(decision: string, reasons: readonly UnsureReason[]): string {
  if (reasons.length === 0) return decision;
  return `${decision}: ${reasons.map(reasonInWords).join(', ')}`;
}

function reasonInWords(why: UnsureReason): string {
  if (why.reason === 'unlike-training') return `its ${why.modality} resembles nothing in the training`;
  if (why.reason === 'modalities-disagree') return 'its modalities disagree';
  return 'its probability is low';
}

function inWords({ labels, value }: TargetPrediction): string {
  if (value !== undefined) return numberText(value);
  const given = labels.filter((label) => label.given);
  const [likeliest] = labels;
  const said = likeliest && likeliest.given === undefined ? [likeliest] : given;
  return said.map(({ label, probability }) => `${label} (${percent(probability)})`).join(', ') || 'no label';
}

function tableOption(text: string): TableValues {
  const { data } = tableText.safeParse(text);
  if (!data) throw new InvalidArgumentError('It must be JSON with a number, a text or null for each column.');
  return data;
}

async function readImage(file: string): Promise<Buffer> {
  return readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new TandemError('invalid-image', `${file}: ${whyUnreadable(error)}`, { cause: error });
  });
}
