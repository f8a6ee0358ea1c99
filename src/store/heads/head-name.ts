import { TandemError } from '../../errors.ts';

/** What a head may be called: it is a folder's name, and part of an address. */
export const headNamePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** @throws TandemError `invalid-request` where a head may not be called so */
export function checkHeadName(name: string): void {
  if (headNamePattern.test(name)) return;
  throw new TandemError(
    'invalid-request',
    `${JSON.stringify(name)} is no name for a head: use up to 64 of a-z 0-9 . _ -`,
  );
}
