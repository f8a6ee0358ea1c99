import type { ErrorItem } from '../../errors.ts';

/** Fewer of a kind are listed each. */
const fewestGrouped = 4;

/**
 * Problems as lines for people: those of one kind, which differ in names and numbers alone, are one line.
 * @example describeGroups(problems) // ['654 rows: there is no file "…"; the first is metadata.csv row 2: there is no file "a.png"']
 */
export function describeGroups(problems: readonly ErrorItem[]): string[] {
  return [...Map.groupBy(problems, kindOf)].flatMap(([kind, group]) => {
    const [first] = group;
    if (!first || group.length < fewestGrouped) return group.map(({ at, detail }) => `${at}: ${detail}`);
    const isSame = group.every(({ detail }) => detail === first.detail);
    const [common, whole] = isSame ? [first.detail, ''] : [kind, `: ${first.detail}`];
    return `${group.length} rows: ${common}; the first is ${first.at}${whole}`;
  });
}

/** What is wrong, without the names and numbers of the place. */
function kindOf({ detail }: ErrorItem): string {
  return detail.replaceAll(/"(?:[^"\\]|\\.)*"/g, '"…"').replaceAll(/\d[\d.,]*/g, '…');
}
