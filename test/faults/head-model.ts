/** What is to be known of a head. */
export interface HeadModel {
  versions: number[];
  /** The highest number that was ever given. */
  highest: number;
  /** The versions that each alias stood for, the present one first. */
  aliases: Record<string, number[]>;
}

export type HeadChange =
  | { kind: 'import' }
  | { kind: 'set'; alias: string; version: number }
  | { kind: 'rollback'; alias: string }
  | { kind: 'delete'; version: number };

/** The head after a change. */
export function applyChange(head: HeadModel, change: HeadChange): HeadModel {
  const { versions, highest, aliases } = head;
  if (change.kind === 'import')
    return { ...head, versions: [...versions, highest + 1], highest: highest + 1 };
  if (change.kind === 'delete')
    return { ...head, versions: versions.filter((version) => version !== change.version) };
  const history = aliases[change.alias] ?? [];
  return { ...head, aliases: { ...aliases, [change.alias]: historyAfter(history, change, versions) } };
}

function historyAfter(
  history: number[],
  change: Extract<HeadChange, { alias: string }>,
  versions: number[],
): number[] {
  if (change.kind === 'rollback') return history.slice(1).filter((version) => versions.includes(version));
  return history[0] === change.version ? history : [change.version, ...history];
}

const fewestVersions = 3;

/** The changes that a server has to accept, and that leave some versions to choose from. */
export function possibleChanges(head: HeadModel, alias: string): HeadChange[] {
  const { versions, aliases } = head;
  const history = aliases[alias] ?? [];
  const used = Object.values(aliases).map(([present]) => present);
  return [
    ...versions.map((version): HeadChange => ({ kind: 'set', alias, version })),
    ...(history.slice(1).some((version) => versions.includes(version))
      ? [{ kind: 'rollback', alias } as const]
      : []),
    ...versions
      .filter((version) => !used.includes(version) && versions.length > fewestVersions)
      .map((version): HeadChange => ({ kind: 'delete', version })),
  ];
}
