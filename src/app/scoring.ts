import type { Writable } from 'node:stream';
import { decisionRuleOf } from '../heads/accept.ts';
import { HeadEngines, sayingWhoStopped } from '../heads/engines.ts';
import { loadHead, parseHeadManifest } from '../heads/head.ts';
import { encodersOfHead } from '../heads/head-encoders.ts';
import type { HeadManifest } from '../heads/manifest.ts';
import type { ContentColumns } from '../modalities/content-columns.ts';
import { product } from '../product.ts';
import { addedColumns } from '../scoring/added-columns.ts';
import { checkAdded, columnsForHead } from '../scoring/columns.ts';
import { openSource } from '../scoring/open-source.ts';
import { type Output, streamOutput } from '../scoring/output.ts';
import { ResumableOutput } from '../scoring/resumable-output.ts';
import { formatFor } from '../scoring/row-format.ts';
import { scoreRows } from '../scoring/score.ts';
import type { RowSource, SourceRow, Survey } from '../scoring/source.ts';
import { sha256OfJson } from '../store/files/checksum.ts';
import { checkOptions, scoreOptions } from './check-options.ts';
import type { Context } from './context.ts';
import { imageFetcher } from './fetch-images.ts';

/** How a table, or a folder of files, is scored. */
export interface ScoreOptions extends Partial<ContentColumns> {
  /** The file to write, its format by its extension: `.csv`, `.tsv` or `.jsonl`. Or a stream, which gets CSV. */
  out: string | Writable;
  /** `pets`, `pets@3` or `pets@production`; the settings' default head by default. */
  head?: string;
  /** Whether each modality's own answer is written as well. */
  unimodal?: boolean;
  /** Before the names of the columns that are added. */
  prefix?: string;
  /** Between several labels in one cell; `|` by default. */
  labelSeparator?: string;
  /** Puts an apostrophe before each cell that a spreadsheet would take for a formula, the table's own included. */
  escapeFormulas?: boolean;
  /** Whether images that the table has by their addresses are downloaded, and kept in the data folder. */
  fetchImages?: boolean;
  /** Replaces `out` where it is there. */
  force?: boolean;
  /** Begins anew instead of going on where a run was interrupted. */
  restart?: boolean;
  /** Ends the work; the same call goes on from there. */
  signal?: AbortSignal;
  onProgress?(progress: { stage: 'scoring'; done: number; total: number }): void;
  onNote?(note: string): void;
}

/** What became of the rows. */
export interface ScoringSummary {
  head: { name: string; version: number };
  /** Undefined where it was a stream. */
  out?: string;
  rows: number;
  /** Rows that could not be answered: their `error` says why. */
  failed: number;
  /** Rows that an interrupted run had written. */
  resumedAt: number;
  seconds: number;
}

/** See `Tandem.score`. */
export async function score(context: Context, input: string, options: ScoreOptions): Promise<ScoringSummary> {
  checkOptions(scoreOptions, options);
  const started = performance.now();
  const { settings } = context;
  const { out, head: reference = settings['default-head'], signal, onProgress } = options;
  const writing = writingOf(input, options);
  const version = await (await context.registry()).open(reference);
  const manifest = parseHeadManifest(version.manifest, `${version.name}@${version.version}`);
  const source = await openSource(input);
  const survey = await source.survey();
  for (const note of survey.notes) options.onNote?.(note);
  const { columns, taken, notations } = columnsForHead(manifest, source, survey, {
    asked: askedColumns(options),
    fetches: options.fetchImages,
    onNote: options.onNote,
  });
  const rule = decisionRuleOf(version, manifest);
  const added = addedColumns(manifest, { ...writing.options, isDecided: rule !== undefined });
  checkAdded(added, source, survey);
  const identity = identityOf(manifest, { source, survey }, { columns, rule, ...writing.options });
  await using output = await openOutput(options, identity);
  const resumedAt = output.done.rows;
  const fetchFile = await imageFetcher(context, options.fetchImages);
  const encoders = await context.encoders();
  await using engines = new HeadEngines({
    provider: encoders.provider.provider,
    timeout: settings['head-timeout'],
  });
  const onRows = (done: number) => onProgress?.({ stage: 'scoring', done, total: survey.rows });
  onRows(resumedAt);
  await sayingWhoStopped(async () => {
    const head = await loadHead(engines.loaderOf(version), version, encoders);
    const own = await encodersOfHead(encoders, head.manifest);
    await scoreRows({
      ...{ encoders: own, head, rule, added, output, signal, onRows },
      format: writing.format,
      columns: [...survey.columns, ...added.names],
      reading: { folder: source.folder, columns, taken, notations, fetchFile },
      rows: rowsAfter(source.rows(), resumedAt),
    });
  });
  await output.finish();
  return {
    head: { name: version.name, version: version.version },
    ...(typeof out === 'string' && { out }),
    ...{ ...output.done, resumedAt },
    seconds: Math.round((performance.now() - started) / 100) / 10,
  };
}

/** How the output is written. */
function writingOf(input: string, options: ScoreOptions) {
  const {
    out,
    unimodal = false,
    prefix = '',
    labelSeparator: separator = '|',
    escapeFormulas = false,
  } = options;
  const ofStream = /\.(jsonl|ndjson)$/i.test(input) ? 'rows.jsonl' : 'rows.csv';
  const name = typeof out === 'string' ? out : ofStream;
  const format = formatFor(name, { separator, escapeFormulas });
  return { format, options: { unimodal, prefix, separator, escapeFormulas } };
}

function askedColumns({ imageColumn, textColumn, tableColumns }: ScoreOptions): Partial<ContentColumns> {
  return { imageColumn, textColumn, tableColumns };
}

/** What an interrupted run must have in common with the one that goes on. */
function identityOf(
  { name, version, weights, encoders }: HeadManifest,
  { source, survey }: { source: RowSource; survey: Survey },
  options: object,
): Record<string, string> {
  return {
    head: `${name}@${version} (${sha256OfJson([weights, encoders]).slice(0, 12)})`,
    input: `${source.name} (${survey.identity.slice(0, 12)})`,
    options: JSON.stringify(options),
    release: product.version,
  };
}

async function openOutput(
  { out, force = false, restart = false }: ScoreOptions,
  identity: Record<string, string>,
): Promise<Output> {
  return typeof out === 'string'
    ? ResumableOutput.open(out, { identity, force, restart })
    : streamOutput(out);
}

async function* rowsAfter(rows: AsyncIterable<SourceRow>, skipped: number): AsyncGenerator<SourceRow> {
  let place = 0;
  for await (const row of rows) if (place++ >= skipped) yield row;
}
