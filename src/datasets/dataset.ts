import { createHash } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname } from 'node:path';
import { type ErrorItem, TandemError } from '../errors.ts';
import { describeContent, identitiesOf } from '../modalities/content.ts';
import { contentColumns } from '../modalities/content-columns.ts';
import type { MakeFolder } from '../modalities/modality.ts';
import type { ModalityName } from '../modalities/registry.ts';
import { problemOfPermissions } from '../store/files/permissions.ts';
import { defaultTarget } from '../targets/target-kind.ts';
import { targets } from '../targets/targets.ts';
import { contentOf as truthContentOf } from '../targets/truth.ts';
import { type BadRows, leaveOut } from './check/bad-rows.ts';
import { checkContent } from './check/content.ts';
import { checkFittedColumns, settleContent } from './check/fitted-content.ts';
import { checkLabels, noteLabels, noteTwins } from './check/labels.ts';
import { countExamples, type DatasetCounts } from './counts.ts';
import type { ColumnNames, Dataset, Example, FoundExample } from './example.ts';
import type { ColumnGuess } from './read/choose-columns.ts';
import { readReading } from './read/dataset-file.ts';
import { DatasetSize } from './read/dataset-size.ts';
import type { FetchFile } from './read/find-file.ts';
import { describeProblems, Findings } from './read/findings.ts';
import { findExamples } from './read/layout.ts';
import { metadataFileNames } from './read/metadata-file.ts';
import type { DatasetPurpose } from './read/reading.ts';
import { tableExtensions, tableFormatOf } from './read/table-formats.ts';
import { contentOf } from './split/duplicates.ts';

export interface ReadOptions extends Partial<ColumnNames> {
  /** What it is to be good for; default: a training. */
  purpose?: DatasetPurpose;
  /** What to call the dataset; else its folder's name. */
  name?: string;
  /** Where images are put that stand in a table themselves; without it they are a problem. */
  inlineFolder?: MakeFolder;
  /** Downloads images that a table has by their addresses; without it these are a problem. */
  fetchFile?: FetchFile;
  /** Counts images that are downloaded, or were. */
  onFetched?(done: number, total: number): void;
  /** Whether links may lead out of the folder, as on the person's own machine; false by default. */
  followLinks?: boolean;
  /**
   * Asked once where nothing but some rows keeps the dataset from being used, unless `skipBadRows` is given.
   * @returns whether to leave them out
   */
  onBadRows?(bad: BadRows): Promise<boolean>;
  /** Counts examples while their content is checked. */
  onProgress?(done: number, total: number): void;
}

/** An example of a preview: `at` says where it stands; of a file its name is shown. */
export interface PreviewedExample extends Pick<FoundExample, 'at' | 'truth' | 'split'> {
  content: Partial<Record<ModalityName, string>>;
}

const previewed = 5;

/** What there is to say about a dataset before anything is done with it. */
export interface DatasetCheck {
  name: string;
  /** In order of place; the first 100,000 that were found. */
  problems: ErrorItem[];
  /** How many there are. */
  problemCount: number;
  /** Rows that were left out, and why; the first 100,000. */
  leftOut: ErrorItem[];
  notes: string[];
  /** Columns that were found under another name than the default one. */
  guesses: ColumnGuess[];
  /** What was found, rows with problems included. */
  counts: DatasetCounts;
  /** The first few examples, as they were understood. */
  preview: PreviewedExample[];
  /** The dataset, where it has no problems. */
  dataset?: Dataset;
}

/**
 * Checks all of a dataset and lists every problem. Nothing is written, but for images that stand in tables.
 *
 * It is a table, whose images are named relative to it, or a folder. That holds `metadata.csv` or `metadata.jsonl` with the columns `file_name`, `text`, `label` and perhaps
 * `split` (`train` or `test`), or one folder per class with images (and `name.txt` as the text of `name.jpg`),
 * or `train/` and `test/` with either. A row may lack the image or the text, not both.
 * @throws TandemError `unknown-dataset` where there is no such folder, `invalid-dataset` where it is laid out in no known way
 * @example const { problems, counts } = await checkDataset('data/photos', { textColumn: 'caption' });
 */
export async function checkDataset(
  folder: string,
  { purpose = 'training', ...options }: ReadOptions = {},
): Promise<DatasetCheck> {
  const { root, table } = await findRoot(folder);
  const name = options.name ?? (table === undefined ? basename(root) : basename(table, extname(table)));
  const findings = new Findings();
  // What lies beside a table of any name may be of another one.
  const isUsual = table === undefined || metadataFileNames.includes(table);
  const said = isUsual ? await readReading(root, findings) : {};
  const chosen = { ...said, ...given(options) };
  const columns: ColumnNames = { ...usualColumns, ...chosen };
  checkFittedColumns(columns);
  const { inlineFolder, fetchFile, onFetched, followLinks = false } = options;
  const guesses: ColumnGuess[] = [];
  const named = new Set(Object.keys(chosen));
  const reading = {
    root,
    table,
    followLinks,
    columns,
    named,
    guesses,
    inlineFolder,
    fetchFile,
    onFetched,
    size: new DatasetSize(),
    findings,
  };
  const rows = await findExamples(reading);
  if (!rows)
    throw new TandemError(
      'invalid-dataset',
      `${name} has neither a metadata.csv, a metadata.jsonl nor a folder per class`,
    );
  const looked = await checkContent(rows, findings, options.onProgress);
  const { examples: usable, leftOut } = await leaveOut(looked, findings, {
    ...{ name, purpose, columns },
    onBadRows: options.onBadRows,
  });
  const checked = settleContent(usable, purpose, reading);
  // Where the list of examples itself is broken, that is the one thing to fix.
  if (rows.length > 0 || findings.problemCount === 0)
    checkLabels(checked, { dataset: name, purpose, columns }, findings);
  findings.addNotes(...noteLabels(checked, columns), ...noteTwins(checked, contentOf));
  const problems = findings.problems();
  const notes = findings.notes();
  const counts = countExamples(checked, columns.target);
  const preview = checked.slice(0, previewed).map(({ at, content, truth, split }) => ({
    at,
    content: describeContent(content, root),
    truth,
    split,
  }));
  const { problemCount } = findings;
  const check = { name, problems, problemCount, leftOut, notes, guesses, counts, preview };
  if (problemCount > 0) return check;
  const examples = checked.map(({ at: _, ...example }): Example => example);
  const { target } = columns;
  const labels = targets[target].outputs(
    examples.map(({ truth }) => truth),
    guesses.find(({ role }) => role === 'label')?.column ?? columns.labelColumn,
  );
  const hash = hashExamples(examples);
  const dataset = { name, target, labels, examples, hash, notes };
  return { ...check, dataset };
}

/**
 * The folder of a dataset, and the table where one is asked for by its path.
 * @throws TandemError as {@link checkDataset}
 */
async function findRoot(place: string): Promise<{ root: string; table?: string }> {
  const root = await realpath(place).catch((error) => {
    const problem = problemOfPermissions(error);
    if (problem !== undefined)
      throw describeProblems(basename(place), [{ at: `${place}/`, detail: problem }]);
  });
  const kind = root === undefined ? undefined : await stat(root);
  if (root !== undefined && kind?.isDirectory()) return { root };
  if (root !== undefined && kind?.isFile() && tableFormatOf(place))
    return { root: await realpath(dirname(place)), table: basename(place) };
  throw new TandemError(
    'unknown-dataset',
    `there is no folder ${JSON.stringify(place)}, nor a table of that name that ends in ${tableExtensions}`,
  );
}

/**
 * Reads a dataset and checks all of it before anything is done with it.
 * @param options names of a metadata file's columns, where they are others
 * @throws TandemError as `checkDataset`; `invalid-dataset` with every problem and its row (the first 100 of them)
 * @example
 * const dataset = await readDataset('data/samples/emoji');
 * const captions = await readDataset('data/photos', { textColumn: 'caption' });
 */
export async function readDataset(folder: string, options: ReadOptions = {}): Promise<Dataset> {
  const { name, problems, problemCount, dataset } = await checkDataset(folder, options);
  if (!dataset) throw describeProblems(name, problems, problemCount);
  return dataset;
}

const usualColumns: ColumnNames = {
  ...contentColumns,
  labelColumn: 'label',
  target: defaultTarget,
  labelSeparator: '|',
};

const optionalNames: readonly string[] = [
  'splitColumn',
  'groupColumn',
  'images',
  'ignoredColumns',
  'skipBadRows',
  'rareLabels',
] satisfies (keyof ColumnNames)[];

/**
 * Whether an option says how the columns of a table are read.
 * @example isColumnName('labelColumn') // true
 */
export function isColumnName(option: string): option is keyof ColumnNames {
  return optionalNames.includes(option) || Object.hasOwn(usualColumns, option);
}

/** What is asked for of the columns, without what is there but undefined. */
function given(options: ReadOptions): Partial<ColumnNames> {
  const entries = Object.entries(options);
  return Object.fromEntries(entries.filter(([name, value]) => isColumnName(name) && value !== undefined));
}

/** See `Dataset.hash`. */
export function hashExamples(examples: Example[]): string {
  const hash = createHash('sha256');
  for (const { content, truth, split, group } of examples) {
    const told = [...identitiesOf(content), truthContentOf(truth), split ?? null];
    if (group !== undefined) told.push(group);
    hash.update(`${JSON.stringify(told)}\n`);
  }
  return hash.digest('hex');
}

/** sha256 over content and labels, whatever their order, and whichever side the dataset puts them on. */
export function hashInNoOrder(examples: readonly Example[]): string {
  const contents = examples.map(({ content, truth }) =>
    JSON.stringify([...identitiesOf(content), truthContentOf(truth)]),
  );
  const hash = createHash('sha256');
  for (const [index, content] of contents.sort().entries())
    hash.update(index === 0 ? content : `\n${content}`);
  return hash.digest('hex');
}
