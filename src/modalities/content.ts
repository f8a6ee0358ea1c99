import { basename, isAbsolute, relative } from 'node:path';
import { z } from 'zod';
import { sha256OfJson } from '../store/files/checksum.ts';
import { type ContentColumns, columnsOf } from './content-columns.ts';
import type { Modality } from './modality.ts';
import {
  byModality,
  type Content,
  type FittedName,
  fittedModalities,
  type ModalityName,
  modalities,
  pretrainedModalities,
} from './registry.ts';

/** Content as an imported dataset keeps it: files by their sha256. */
export type StoredContent = Partial<Record<ModalityName, unknown>>;

export const storedContent: z.ZodType<StoredContent> = z.strictObject(
  byModality(({ stored }) => stored.optional()),
);

/**
 * What tells content apart, in the order of the modalities; null for what is missing. A modality that was added later is only
 * there where there is any of it, so that hashes of datasets stay what they were.
 * @example identitiesOf({ text: 'a cat' }) // [null, 'a cat']
 */
export function identitiesOf(content: Content): (string | null)[] {
  const identities = modalities.map((modality) => identityIn(content, modality));
  const last = identities.findLastIndex((identity) => identity !== null);
  return identities.slice(0, Math.max(last + 1, pretrainedModalities.length));
}

/**
 * Names content by what it holds: 64 bits of a sha256, enough to find it again among millions of rows.
 * @param names of the modalities that count
 * @example contentId({ text: 'a cat' }, ['image', 'text']) // the same wherever the same text has no image
 */
export function contentId(content: Content, names: readonly ModalityName[]): string {
  const counted = modalities.filter(({ name }) => names.includes(name));
  return sha256OfJson(counted.map((modality) => identityIn(content, modality))).slice(0, 16);
}

function identityIn(content: Content, { name, identityOf }: Modality<ModalityName>): string | null {
  const reference = content[name];
  return reference === undefined ? null : identityOf(reference);
}

/** @example storeContent({ image: { path: '/photos/cat.jpg', sha256 } }) // { image: { sha256 } } */
export function storeContent(content: Content): StoredContent {
  return mapContent(content, ({ store }, reference) => store(reference));
}

/** @param files where the files lie, by their sha256 */
export function restoreContent(content: StoredContent, files: ReadonlyMap<string, string>): Content {
  const restored = mapContent(content, ({ restore, file }, stored) => {
    const sha256 = file?.sha256Of(stored);
    return restore(stored, sha256 === undefined ? undefined : files.get(sha256));
  });
  // Each modality restores what is its own.
  return restored as Content;
}

/** sha256 of the files that content needs. */
export function fileHashesOf(content: StoredContent): string[] {
  return modalities.flatMap(({ name, file }) => {
    const stored = content[name];
    return stored === undefined ? [] : (file?.sha256Of(stored) ?? []);
  });
}

/** The files that content has, by their sha256. */
export function filesOf(content: Content): [sha256: string, path: string][] {
  return modalities.flatMap(({ name, file, store }): [string, string][] => {
    const reference = content[name];
    const sha256 = reference === undefined ? undefined : file?.sha256Of(store(reference));
    return file && sha256 !== undefined ? [[sha256, file.pathOf(reference)]] : [];
  });
}

/**
 * Content for people to read: a text as it is, of a file its path below a folder; of one elsewhere, its name.
 * @example describeContent({ image: { path: '/photos/pets/cat.jpg' } }, '/photos') // { image: 'pets/cat.jpg' }
 */
export function describeContent(content: Content, folder: string): Partial<Record<ModalityName, string>> {
  return mapContent(content, ({ file, identityOf }, reference) =>
    file ? pathBelow(folder, file.pathOf(reference)) : identityOf(reference),
  );
}

function pathBelow(folder: string, file: string): string {
  const path = relative(folder, file);
  return path.startsWith('..') || isAbsolute(path) ? basename(file) : path;
}

function mapContent<Value>(
  content: StoredContent,
  valueFor: (modality: Modality<ModalityName>, value: unknown) => Value,
): Partial<Record<ModalityName, Value>> {
  return Object.fromEntries(
    modalities.flatMap((modality) => {
      const value = content[modality.name];
      return value === undefined ? [] : [[modality.name, valueFor(modality, value)]];
    }),
  );
}

/**
 * Content as cells of a table, by column: what it is, or the name of its file.
 * @param names of the files, by their sha256
 * @example cellsOf({ text: 'a cat', table: { age: 3 } }, contentColumns, new Map()) // { text: 'a cat', age: 3 }
 */
export function cellsOf(
  content: StoredContent,
  columns: ContentColumns,
  names: ReadonlyMap<string, string>,
): Record<string, unknown> {
  const cells = pretrainedModalities.flatMap(({ name, file }): [string, unknown][] => {
    const stored = content[name];
    const sha256 = stored === undefined ? undefined : file?.sha256Of(stored);
    return columnsOf(columns, name).map((column) => [
      column,
      sha256 === undefined ? stored : names.get(sha256),
    ]);
  });
  const fitted = fittedModalities.flatMap(({ name, cellsOf }) => {
    const stored = content[name];
    return stored === undefined ? [] : Object.entries(cellsOf(stored));
  });
  return Object.fromEntries([...cells, ...fitted].filter(([, cell]) => cell !== undefined));
}

/** The columns that content of the fitted modalities has values of, which an export is told by. */
export function fittedColumnsIn(content: StoredContent): [FittedName, string][] {
  return fittedModalities.flatMap(({ name, cellsOf }) => {
    const stored = content[name];
    return stored === undefined
      ? []
      : Object.keys(cellsOf(stored)).map((column): [FittedName, string] => [name, column]);
  });
}

/** How earlier releases kept content, beside an example's other fields. */
export const earlierContent = z.object({
  imageHash: z.string().optional(),
  perceptualHash: z.string().optional(),
  text: z.string().optional(),
});

/** The same as it is kept now. */
export function readEarlierContent({
  imageHash: sha256,
  perceptualHash,
  text,
}: z.infer<typeof earlierContent>): StoredContent {
  return {
    ...(sha256 !== undefined && { image: { sha256, perceptualHash } }),
    ...(text !== undefined && { text }),
  };
}
