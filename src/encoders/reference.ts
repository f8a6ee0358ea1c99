import { type ErrorCode, TandemError } from '../errors.ts';
import { sha256OfJson } from '../store/files/checksum.ts';
import type { HubOrigin } from './origin.ts';

/** One encoder, as heads and jobs name it. */
export interface EncoderPart {
  id: string;
  fingerprint: string;
  /** The model of the hub that it was made of. */
  origin?: HubOrigin | undefined;
}

/** What makes the features of a modality, as heads and jobs name it: an encoder, or several whose features are concatenated. */
export interface EncoderReference extends EncoderPart {
  /** Of several each, in the order of their features; absent where there is one. */
  parts?: readonly EncoderPart[] | undefined;
}

/**
 * Each of the encoders that a reference names, in the order of their features.
 * @example encodersIn({ id: 'clip', fingerprint: '8fbee7a7…' }) // [{ id: 'clip', fingerprint: '8fbee7a7…' }]
 */
export function encodersIn(reference: EncoderReference): readonly EncoderPart[] {
  return reference.parts ?? [reference];
}

/**
 * What encoders of one modality are called together: one as it is called alone; several by all ids, and a fingerprint over
 * theirs, in their order.
 * @param problem the code of the error
 * @throws TandemError where one is named twice
 * @example joinReferences([dino, clip]) // { id: 'dino+clip', fingerprint: '5f0c…', parts: [dino, clip] }
 */
export function joinReferences(
  parts: readonly Pick<EncoderPart, 'id' | 'fingerprint'>[],
  problem: ErrorCode = 'invalid-request',
): EncoderReference {
  const [first, ...others] = parts.map(({ id, fingerprint }) => ({ id, fingerprint }));
  if (first && others.length === 0) return first;
  const twice = parts.find(({ fingerprint }, index) =>
    parts.slice(0, index).some((earlier) => earlier.fingerprint === fingerprint),
  );
  if (twice)
    throw new TandemError(problem, `the encoder ${twice.id} is named twice for one modality`, {
      fix: 'Name each encoder once.',
    });
  return {
    id: parts.map(({ id }) => id).join('+'),
    fingerprint: jointFingerprint(parts),
    parts: parts.map(({ id, fingerprint }) => ({ id, fingerprint })),
  };
}

/** The fingerprint of several encoders, in the order of their features. */
export function jointFingerprint(parts: readonly Pick<EncoderPart, 'fingerprint'>[]): string {
  return sha256OfJson(parts.map(({ fingerprint }) => fingerprint));
}
