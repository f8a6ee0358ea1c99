import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { ScoreOptions, ScoringSummary } from '../app/scoring.ts';
import { headSettings } from '../config.ts';
import { TandemError } from '../errors.ts';
import { openFor, showWork } from './options.ts';
import { print, printAside, printJson } from './output.ts';

/** Exit codes: some rows were not answered, and the signal that Ctrl-C sends. */
const exitCodes = { someFailed: 3, interrupted: 130 } as const;

/** Standard output as a name. */
const standardOutput = '-';

export interface TableFlags extends Omit<ScoreOptions, 'out' | 'signal' | 'onProgress' | 'onNote'> {
  out?: string;
  json?: true;
}

/** Scores a table or a folder, and says what became of its rows. */
export async function scoreTable(
  input: string,
  { out, json, ...options }: TableFlags,
  called: CommandUnknownOpts,
): Promise<void> {
  if (out === undefined)
    throw new TandemError('invalid-request', `${input} is a table or a folder, and no output is named`, {
      fix: 'Name a file with --out, such as --out scored.csv, or --out - for standard output.',
    });
  const toStandardOutput = out === standardOutput;
  if (toStandardOutput && json)
    throw new TandemError('invalid-request', '--json and --out - both write to standard output', {
      fix: 'Leave one of them out.',
    });
  await using tandem = await openFor(called, headSettings);
  const interruption = interruptible();
  try {
    const summary = await tandem.score(input, {
      ...options,
      ...showWork(),
      out: toStandardOutput ? process.stdout : out,
      signal: interruption.signal,
    });
    if (json) printJson(summary);
    else (toStandardOutput ? printAside : print)(inWords(summary));
    if (summary.failed > 0) process.exitCode = exitCodes.someFailed;
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    printAside(
      toStandardOutput
        ? 'interrupted'
        : 'interrupted: the same command goes on from the rows that are written',
    );
    process.exitCode = exitCodes.interrupted;
  } finally {
    interruption.end();
  }
}

/** Turns the first Ctrl-C into a signal; the second ends the process. */
function interruptible(): { signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const interrupt = () => controller.abort();
  process.once('SIGINT', interrupt);
  return { signal: controller.signal, end: () => void process.off('SIGINT', interrupt) };
}

function inWords({ head, out, rows, failed, resumedAt, seconds }: ScoringSummary): string {
  const resumed = resumedAt > 0 ? `, ${resumedAt} of them before the interruption` : '';
  const bad = failed === 0 ? '' : `\n${failed} of them could not be answered: the column "error" says why`;
  return `${rows} rows${out === undefined ? '' : ` in ${out}`}, by ${head.name}@${head.version}, in ${seconds} s${resumed}${bad}`;
}
