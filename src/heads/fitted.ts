import { z } from 'zod';
import type { HubOrigin } from '../encoders/origin.ts';
import type { EncoderPart } from '../encoders/reference.ts';
import type { Fitted, FittedColumn } from '../modalities/modality.ts';
import {
  type FittedName,
  fittedModalities,
  fittedOf,
  isFitted,
  type ModalityName,
} from '../modalities/registry.ts';
import { sha256OfJson } from '../store/files/checksum.ts';
import type { ItemFeatures } from './item-features.ts';

/** What a head says of features that stand beside an encoder's: what makes them lies in a file of its own. */
export const companionSchema = z.object({
  id: z.string(),
  dimension: z.int().positive(),
  /** sha256 of the file. */
  fingerprint: z.string(),
});

/** What a head says of that which makes the features of a fitted modality. */
export interface FittedEncoder {
  modality: ModalityName;
  id: string;
  dimension: number;
  /** sha256 of the specification. */
  fingerprint: string;
  /** Of an encoder's weights. */
  license?: string;
  /** The model of the hub that an encoder was made of. */
  origin?: HubOrigin;
  /** Of several encoders, each. */
  parts?: (EncoderPart & Pick<FittedEncoder, 'dimension' | 'license' | 'origin'>)[];
  /** Of the features that the head's own blocks of an encoder make. */
  embeddingDimension?: number;
  /** What makes features beside an encoder's. */
  companion?: z.infer<typeof companionSchema>;
  /** The specification. */
  fitted?: unknown;
}

/**
 * A specification as a head keeps it.
 * @example const { dimension } = describeFitted('table', specification);
 */
export function describeFitted(modality: FittedName, fitted: unknown): FittedEncoder {
  const { id, dimensionOf } = fittedOf(modality);
  return { modality, id, dimension: dimensionOf(fitted), fingerprint: sha256OfJson(fitted), fitted };
}

/** Adds what is wrong with a specification: heads are imported, too. */
export function checkFitted(encoder: FittedEncoder, context: z.RefinementCtx): void {
  const { modality, dimension, fingerprint, fitted, companion } = encoder;
  const refuse = (message: string, path: PropertyKey[] = []) =>
    context.addIssue({ code: 'custom', path: ['fitted', ...path], message });
  if (!isFitted(modality)) {
    if (fitted !== undefined) refuse(`${modality} is not fitted`);
    return;
  }
  if (companion) refuse(`${modality} has no companion`);
  const { specification, dimensionOf } = fittedOf(modality);
  const read = specification.safeParse(fitted);
  if (read.error) for (const { message, path } of read.error.issues) refuse(message, path);
  else if (dimensionOf(read.data) !== dimension)
    refuse(`it makes ${dimensionOf(read.data)} features, not ${dimension}`);
  else if (sha256OfJson(fitted) !== fingerprint) refuse('its sha256 is not the fingerprint');
}

/** An encoder as lists of heads show it: of what is fitted, its columns. */
export type EncoderSummary = Omit<FittedEncoder, 'fitted'> & { columns?: FittedColumn[] };

/** @example summarizeEncoder(manifest.encoders[0]) // { modality: 'image', id: 'efficientnet-lite0-whole', … } */
export function summarizeEncoder({ fitted, ...encoder }: FittedEncoder): EncoderSummary {
  const { modality } = encoder;
  return isFitted(modality) ? { ...encoder, columns: fittedOf(modality).columnsIn(fitted) } : encoder;
}

const opened = new WeakMap<object, Fitted<unknown>>();

/**
 * Features of what an item has of the fitted modalities that a head takes.
 * @param given what a request or a row brings of each
 * @throws TandemError that names what is wrong with it
 * @example const features = fittedFeatures(head.manifest.encoders, { table: { price: 12 } }); // { table: Float32Array }
 */
export function fittedFeatures(
  encoders: readonly Pick<FittedEncoder, 'modality' | 'fitted'>[],
  given: Partial<Record<FittedName, unknown>>,
): ItemFeatures {
  const features: ItemFeatures = {};
  for (const { name } of fittedModalities) {
    const own = given[name];
    if (own === undefined || fittedOf(name).isEmpty(own)) continue;
    const taken = encoders.find(({ modality }) => modality === name);
    if (taken) features[name] = encodeFitted(name, taken.fitted, own);
  }
  return features;
}

/**
 * Features of a fitted modality, as a head takes them.
 * @param given what a request or an example brings of it
 * @throws TandemError that names what is wrong with it
 * @example const features = encodeFitted('table', encoder.fitted, { price: 12 });
 */
export function encodeFitted(modality: FittedName, fitted: unknown, given: unknown): Float32Array {
  const key = fitted as object;
  const known = opened.get(key) ?? fittedOf(modality).open(fitted);
  opened.set(key, known);
  return known.encode(given);
}
