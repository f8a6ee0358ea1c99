import { image } from './image/image.ts';
import type { Modality } from './modality.ts';
import { text } from './text/text.ts';

/** Every modality, in the order of the method's m. A request may carry any of them. */
const registered = [image, text] as const;

type Registered = (typeof registered)[number];
export type ModalityName = Registered['name'];

/** What an example has of each modality. */
export type Content = {
  [Entry in Registered as Entry['name']]?: Parameters<Entry['inputOf']>[0];
};

export const modalities: readonly [Modality<ModalityName>, ...Modality<ModalityName>[]] = registered;

export const modalityNames = modalities.map(({ name }) => name);

/** @example modalityOf('text').unit // 'tokens' */
export function modalityOf(name: ModalityName): Modality<ModalityName> {
  // Every name is an entry's.
  return modalities.find((modality) => modality.name === name) as Modality<ModalityName>;
}

/**
 * A value for each modality.
 * @example byModality(({ unit }) => unit).text // 'tokens'
 */
export function byModality<Value>(
  make: (modality: Modality<ModalityName>, index: number) => Value,
): Record<ModalityName, Value> {
  const entries = modalities.map((modality, index) => [modality.name, make(modality, index)]);
  return Object.fromEntries(entries) as Record<ModalityName, Value>;
}

/** The columns of a table that have each modality. */
export type ContentColumns = { [Name in ModalityName as `${Name}Column`]: string };

/** The usual ones. */
export const contentColumns = Object.fromEntries(
  modalities.map(({ name, column }) => [`${name}Column`, column]),
) as ContentColumns;

/** @example columnOf({ imageColumn: 'photo', textColumn: 'caption' }, 'text') // 'caption' */
export function columnOf(columns: ContentColumns, name: ModalityName): string {
  return columns[`${name}Column`];
}

/** What an item lacks that has nothing of any modality. */
export const nothingToClassify = `it has neither ${modalityNames.slice(0, -1).join(', ')} nor ${modalityNames.at(-1)}`;
