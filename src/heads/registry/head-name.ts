import { TandemError } from '../../errors.ts';
import { itemAt } from '../../indexing.ts';

/** What a head may be called: it is a folder's name, and part of an address. */
export const headNamePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** The highest number that a version can have: of 32 bits, as a database keeps it. */
export const highestVersion = 2 ** 31 - 1;

/**
 * Checks a head's bare name. A reference to one of its versions, `pets@3`, is rejected as well.
 * @throws TandemError `invalid-request` where a head may not be called so
 */
export function checkHeadName(name: string): void {
  if (headNamePattern.test(name)) return;
  const bare = itemAt(name.split('@'), 0);
  const advice =
    bare !== name && headNamePattern.test(bare)
      ? `it is a reference to a version; give the name alone: ${bare}`
      : 'use up to 64 of a-z 0-9 . _ -';
  throw new TandemError('invalid-request', `${JSON.stringify(name)} is no name for a head: ${advice}`);
}

/**
 * The parts of a reference; the version is `latest` where it names none.
 * @returns undefined where it is neither `name` nor `name@version`
 * @example parseReference('pets@production') // { name: 'pets', version: 'production' }
 */
export function parseReference(reference: string): { name: string; version: string } | undefined {
  const [name, version = 'latest', ...more] = reference.split('@');
  if (name === undefined || !headNamePattern.test(name) || more.length > 0) return undefined;
  return { name, version };
}
