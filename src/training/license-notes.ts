import type { Dataset } from '../datasets/example.ts';
import type { Encoder } from '../encoders/encoder.ts';
import { isNonCommercial } from '../encoders/license.ts';

/**
 * Of encoders that a dataset is encoded with: what a person must know before serving a head.
 * @example licenseNotes(Object.values(encoders.byModality).flat(), dataset)
 */
export function licenseNotes(encoders: readonly Encoder[], { examples }: Dataset): string[] {
  const isUsed = ({ modality }: Encoder) => examples.some(({ content }) => content[modality] !== undefined);
  return encoders
    .filter((encoder) => encoder.license && isNonCommercial(encoder.license) && isUsed(encoder))
    .map(({ id, license }) => `the licence of ${id}, ${license}, forbids commercial use of the head as well`);
}
