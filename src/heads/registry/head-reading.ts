import type { Kysely } from 'kysely';
import { z } from 'zod';
import type { Tables } from '../../store/database/database.ts';
import { type Acceptance, acceptanceSchema } from './acceptance.ts';
import type { ShippedHead } from './shipped-heads.ts';

export interface RegisteredHead {
  name: string;
  version: number;
  /** The text of its head.json. */
  manifest: string;
  /** Which answers are accepted, where it was set after the training: null where none are, nor refused. */
  acceptance?: Acceptance | null;
}

/**
 * Where a version comes from, as its registration said: it was trained in this store, it ships with the program, or it was
 * imported. Nothing in a head's files decides it.
 */
export type HeadOrigin = 'trained' | 'shipped' | 'imported';

/** A folder with the files of a head. */
export interface HeadFolder {
  folder: string;
  /** Imported where absent. */
  origin?: HeadOrigin;
  /** The sha256 of each file, as the registry has it; absent of heads that ship with the program. */
  checksums?: Readonly<Record<string, string>>;
}

/** A version whose files are at hand. */
export type HeadVersion = RegisteredHead & HeadFolder;

/** Where a version's files lie: in a folder of this machine, or among the artifacts. */
export type HeadEntry = RegisteredHead & { origin: HeadOrigin } & (
    | { folder: string }
    | { key: string /** Absent where the row is damaged. */; checksums?: Readonly<Record<string, string>> }
  );

export interface KnownHead {
  /** In rising order. */
  versions: HeadEntry[];
  /** The version that each alias stands for. */
  aliases: Record<string, number>;
}

/** What the database and the program itself know of a head. */
export async function readHead(
  query: Kysely<Tables>,
  shipped: readonly ShippedHead[],
  name: string,
): Promise<KnownHead> {
  const rows = await query
    .selectFrom('headVersion')
    .select(['version', 'folder', 'files', 'manifest', 'origin'])
    .where('name', '=', name)
    .where('folder', 'is not', null)
    .$narrowType<{ folder: string }>()
    .execute();
  const aliases = await query
    .selectFrom('headAlias')
    .select(['alias', 'versions'])
    .where('name', '=', name)
    .execute();
  const accepted = await query
    .selectFrom('headAcceptance')
    .select(['version', 'acceptance'])
    .where('name', '=', name)
    .execute();
  const byVersion = new Map<number, HeadEntry>();
  for (const head of shipped)
    if (head.name === name) byVersion.set(head.version, { ...head, origin: 'shipped' });
  for (const { version, folder, files, manifest, origin } of rows)
    byVersion.set(version, {
      name,
      version,
      manifest,
      origin: origin === 'trained' ? 'trained' : 'imported',
      key: folder,
      checksums: readAs(checksumsSchema, files),
    });
  for (const { version, acceptance } of accepted) {
    const head = byVersion.get(version);
    if (head)
      byVersion.set(version, { ...head, acceptance: readAs(acceptanceSchema.nullable(), acceptance) });
  }
  return {
    versions: [...byVersion.values()].sort((a, b) => a.version - b.version),
    aliases: Object.fromEntries(
      aliases.flatMap(({ alias, versions }) => {
        const [present] = readAs(versionsSchema, versions) ?? [];
        return present === undefined ? [] : [[alias, present]];
      }),
    ),
  };
}

const checksumsSchema = z.record(z.string(), z.string());
const versionsSchema = z.array(z.int());

/** What a column holds as JSON; undefined where it is damaged, so that one row takes no others along. */
function readAs<Schema extends z.ZodType>(schema: Schema, text: string): z.infer<Schema> | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/**
 * The version that is meant by `latest`, a number or an alias.
 * @example findVersion(head, 'production')
 */
export function findVersion({ versions, aliases }: KnownHead, version: string): HeadEntry | undefined {
  if (version === 'latest') return versions.at(-1);
  const meant = String(aliases[version] ?? version);
  return versions.find((head) => String(head.version) === meant);
}
