import { createInterface } from 'node:readline/promises';
import type { BadRows } from '../datasets/check/bad-rows.ts';
import { describeGroups } from '../datasets/read/group-problems.ts';
import type { ErrorItem } from '../errors.ts';
import { printAside, visible } from './output.ts';

/** Lines of problems that a person is shown before a question. */
const shown = 10;

/**
 * Problems of a dataset, a line for those of a kind.
 * @param all each by itself
 */
export function problemLines(problems: readonly ErrorItem[], all = false): string[] {
  if (all) return problems.map(({ at, detail }) => `${at}: ${detail}`);
  const lines = describeGroups(problems);
  return lines.length === problems.length
    ? lines
    : [...lines, `(${problems.length} problems; --all-problems lists each)`];
}

/**
 * Asks a person whether to leave bad rows out; without a terminal, says what leaves them out.
 * @returns undefined where a machine reads the output
 */
export function askToLeaveOut(): ((bad: BadRows) => Promise<boolean>) | undefined {
  const isTerminal = process.stdin.isTTY && process.stderr.isTTY;
  if (process.argv.includes('--json')) return undefined;
  if (!isTerminal)
    return async ({ rows, examples }) => {
      printAside(
        `rows that cannot be used: ${rows}; --skip-bad-rows leaves them out and uses the other ${examples}`,
      );
      return false;
    };
  return async ({ problems, rows, examples }) => {
    const lines = describeGroups(problems);
    for (const line of lines.slice(0, shown)) printAside(line);
    if (lines.length > shown) printAside(`and ${lines.length - shown} more lines`);
    const question = `${rows} rows cannot be used. Leave them out and use the other ${examples}? [y/N] `;
    const asking = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return /^y(es)?$/i.test((await asking.question(visible(question))).trim());
    } finally {
      asking.close();
    }
  };
}
