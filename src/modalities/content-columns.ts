import { z } from 'zod';
import {
  type FittedName,
  fittedModalities,
  isFitted,
  type ModalityName,
  type PretrainedName,
  pretrainedModalities,
} from './registry.ts';

/** The columns of a table that have each modality. */
export type ContentColumns = { [Name in PretrainedName as `${Name}Column`]: string } & {
  [Name in FittedName as `${Name}Columns`]: readonly string[];
};

/** The columns that a table is read by: null where nothing is to be read as a modality. */
export type ReadColumns = { [Name in PretrainedName as `${Name}Column`]: string | null } & {
  [Name in FittedName as `${Name}Columns`]: readonly string[];
};

/** The usual ones: those of a fitted modality must be named. */
export const contentColumns = Object.fromEntries([
  ...pretrainedModalities.map(({ name, column }) => [`${name}Column`, column]),
  ...fittedModalities.map(({ name }) => [`${name}Columns`, []]),
]) as ContentColumns;

/** @example columnsOf({ imageColumn: 'photo', textColumn: 'caption', tableColumns: [] }, 'text') // ['caption'] */
export function columnsOf(columns: ReadColumns, name: ModalityName): readonly string[] {
  if (isFitted(name)) return columns[`${name}Columns`];
  const column = columns[`${name}Column`];
  return column === null ? [] : [column];
}

/** The same as fields of a schema, all optional. */
export const contentColumnFields = Object.fromEntries([
  ...pretrainedModalities.map(({ name }) => [`${name}Column`, z.string().min(1).optional()]),
  ...fittedModalities.map(({ name, mostColumns }) => [
    `${name}Columns`,
    z.array(z.string().min(1)).max(mostColumns).readonly().optional(),
  ]),
]) as { [Name in keyof ContentColumns]: z.ZodOptional<z.ZodType<ContentColumns[Name]>> };
