import type { ErrorItem } from '../../errors.ts';
import { quoteSome } from '../../quote.ts';
import { targets } from '../../targets/targets.ts';
import { textOf } from '../../targets/truth.ts';
import type { ColumnNames, FoundExample } from '../example.ts';
import type { Findings } from '../read/findings.ts';
import { describeGroups } from '../read/group-problems.ts';
import type { DatasetPurpose } from '../read/reading.ts';

/** Rows that cannot be used, and how many examples there are without them. */
export interface BadRows {
  problems: ErrorItem[];
  rows: number;
  examples: number;
}

/** Kinds of problems that a note tells of. */
const noted = 5;

/**
 * Leaves out the rows that cannot be used, where that is wanted, then the examples of labels that have too few. Each is
 * noted.
 * @returns the other examples, and what was left out
 */
export async function leaveOut(
  examples: readonly FoundExample[],
  findings: Findings,
  {
    name,
    purpose,
    columns,
    onBadRows,
  }: {
    name: string;
    purpose: DatasetPurpose;
    columns: Pick<ColumnNames, 'target' | 'skipBadRows' | 'rareLabels'>;
    onBadRows?(bad: BadRows): Promise<boolean>;
  },
): Promise<{ examples: FoundExample[]; leftOut: ErrorItem[] }> {
  const { badRows } = findings;
  let good = examples.filter(({ at }) => !badRows.has(at));
  const rows = badRows.size;
  let leftOut: ErrorItem[] = [];
  const asks = columns.skipBadRows === undefined && findings.isOfRowsOnly && good.length > 0;
  const skips =
    columns.skipBadRows ??
    (asks && (await onBadRows?.({ problems: findings.problems(), rows, examples: good.length })));
  if (!skips) good = [...examples];
  else if (rows > 0) {
    leftOut = findings.leaveOutBadRows();
    const kinds = describeGroups(leftOut);
    const more = kinds.length > noted ? [`and ${kinds.length - noted} more kinds`] : [];
    findings.addNotes(
      `${name}: ${counted(rows, 'row')} left out, ${counted(good.length, 'example')} used`,
      ...[...kinds.slice(0, noted), ...more].map((kind) => `left out: ${kind}`),
    );
  }
  if (columns.rareLabels !== 'drop' || purpose !== 'training') return { examples: good, leftOut };
  const rare = new Set(targets[columns.target].tooRare?.(good));
  if (rare.size === 0) return { examples: good, leftOut };
  const dropped = good.filter((_, place) => rare.has(place));
  const labels = [...new Set(dropped.map(({ truth }) => textOf(truth)))];
  const what = labels.length === 1 ? 'the label' : `${labels.length} labels`;
  findings.addNotes(
    `left out ${counted(dropped.length, 'example')} of ${what} with too few to learn and test: ${quoteSome(labels)}`,
  );
  const why = 'its label has too few examples';
  return {
    examples: good.filter((_, place) => !rare.has(place)),
    leftOut: [...leftOut, ...dropped.map(({ at }) => ({ at, detail: why }))],
  };
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
