import { z } from 'zod';
import { TandemError } from '../../errors.ts';

/** A text that is stored: no database takes a NUL character, and no name contains one. */
export const plainText = z.string().regex(/^[^\0]*$/, 'must not contain a NUL character');

/**
 * The name that a caller gave to a file of a form.
 * @throws TandemError `invalid-request` where it contains a NUL character
 */
export function fileNameOf({ fieldname, originalname }: { fieldname: string; originalname: string }): string {
  if (!originalname.includes('\0')) return originalname;
  const detail = 'its name contains a NUL character';
  throw new TandemError('invalid-request', `${fieldname}: ${detail}`, { items: [{ at: fieldname, detail }] });
}
