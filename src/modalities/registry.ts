import type { z } from 'zod';
import { image } from './image/image.ts';
import type { FittedModality, Modality, PretrainedModality } from './modality.ts';
import { table } from './table/table.ts';
import { text } from './text/text.ts';

const pretrained = [image, text] as const;
const fitted = [table] as const;

/** Every modality, in the order of the method's m. A request may carry any of them. */
const registered = [...pretrained, ...fitted] as const;

type Registered = (typeof registered)[number];
export type ModalityName = Registered['name'];
/** The modalities that encoders make features of. */
export type PretrainedName = (typeof pretrained)[number]['name'];
/** Those whose features are fitted to the training rows. */
export type FittedName = (typeof fitted)[number]['name'];

/** What an example has of each modality. */
export type Content = {
  [Entry in Registered as Entry['name']]?: Parameters<Entry['identityOf']>[0];
};

/** What a request brings of each modality. */
export type GivenContent = {
  [Entry in Registered as Entry['name']]?: Parameters<Entry['isEmpty']>[0];
};

/** What names a part of an item of each modality. */
export type ContentParts = {
  [Entry in Registered as Entry['name']]: z.infer<NonNullable<Entry['part']>>;
};

export const modalities: readonly [Modality<ModalityName>, ...Modality<ModalityName>[]] = registered;

export const modalityNames = modalities.map(({ name }) => name);

export const pretrainedModalities: readonly [
  PretrainedModality<PretrainedName>,
  ...PretrainedModality<PretrainedName>[],
] = pretrained;

export const fittedModalities: readonly FittedModality<FittedName>[] = fitted;

export const pretrainedNames = pretrainedModalities.map(({ name }) => name);

/** @example pretrainedOf('text').unit // 'tokens' */
export function pretrainedOf(name: PretrainedName): PretrainedModality<PretrainedName> {
  // Every name is an entry's.
  return pretrainedModalities.find(
    (modality) => modality.name === name,
  ) as PretrainedModality<PretrainedName>;
}

/** @example isFitted('text') // false */
export function isFitted(name: ModalityName): name is FittedName {
  return fittedModalities.some((modality) => modality.name === name);
}

/** @example fittedOf('table').id // 'columns' */
export function fittedOf(name: FittedName): FittedModality<FittedName> {
  // Every name is an entry's.
  return fittedModalities.find((modality) => modality.name === name) as FittedModality<FittedName>;
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

/** What an item lacks that has nothing of any modality. */
export const nothingToClassify = `it has neither ${modalityNames.slice(0, -1).join(', ')} nor ${modalityNames.at(-1)}`;
