import { image } from './image/image.ts';
import type { Modality, PretrainedModality } from './modality.ts';
import { text } from './text/text.ts';

const pretrained = [image, text] as const;

/** Every modality, in the order of the method's m. A request may carry any of them. */
const registered = [...pretrained] as const;

type Registered = (typeof registered)[number];
export type ModalityName = Registered['name'];
/** The modalities that encoders make features of. */
export type PretrainedName = (typeof pretrained)[number]['name'];

/** What an example has of each modality. */
export type Content = {
  [Entry in Registered as Entry['name']]?: Parameters<Entry['identityOf']>[0];
};

/** What a request brings of each modality. */
export type GivenContent = {
  [Entry in Registered as Entry['name']]?: Parameters<Entry['isEmpty']>[0];
};

export const modalities: readonly [Modality<ModalityName>, ...Modality<ModalityName>[]] = registered;

export const modalityNames = modalities.map(({ name }) => name);

export const pretrainedModalities: readonly [
  PretrainedModality<PretrainedName>,
  ...PretrainedModality<PretrainedName>[],
] = pretrained;

export const pretrainedNames = pretrainedModalities.map(({ name }) => name);

/** @example pretrainedOf('text').unit // 'tokens' */
export function pretrainedOf(name: PretrainedName): PretrainedModality<PretrainedName> {
  // Every name is an entry's.
  return pretrainedModalities.find(
    (modality) => modality.name === name,
  ) as PretrainedModality<PretrainedName>;
}

/**
 * A value for each modality.
 * @example byModality(({ noun }) => noun).text // 'a text'
 */
export function byModality<Value>(
  make: (modality: Modality<ModalityName>) => Value,
): Record<ModalityName, Value> {
  const entries = modalities.map((modality) => [modality.name, make(modality)]);
  return Object.fromEntries(entries) as Record<ModalityName, Value>;
}

/**
 * A value for each modality that an encoder makes features of.
 * @example byPretrained(({ unit }) => unit).text // 'tokens'
 */
export function byPretrained<Value>(
  make: (modality: PretrainedModality<PretrainedName>, index: number) => Value,
): Record<PretrainedName, Value> {
  const entries = pretrainedModalities.map((modality, index) => [modality.name, make(modality, index)]);
  return Object.fromEntries(entries) as Record<PretrainedName, Value>;
}

/** The columns of a table that have each modality. */
export type ContentColumns = { [Name in PretrainedName as `${Name}Column`]: string };

/** The usual ones. */
export const contentColumns = Object.fromEntries(
  pretrainedModalities.map(({ name, column }) => [`${name}Column`, column]),
) as ContentColumns;

/** @example columnOf({ imageColumn: 'photo', textColumn: 'caption' }, 'text') // 'caption' */
export function columnOf(columns: ContentColumns, name: PretrainedName): string {
  return columns[`${name}Column`];
}

/** What an item lacks that has nothing of any modality. */
export const nothingToClassify = `it has neither ${modalityNames.slice(0, -1).join(', ')} nor ${modalityNames.at(-1)}`;
