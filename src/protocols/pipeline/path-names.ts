import { z } from 'zod';
import { aliasPattern } from '../../heads/registry/aliases.ts';
import { headNamePattern, highestVersion } from '../../heads/registry/head-name.ts';

/** What a wrong name is told: the name itself, cut, and what it should be. */
const wrong =
  (what: string) =>
  ({ input }: { input?: unknown }) =>
    `${JSON.stringify(String(input).slice(0, 80))} ${what}`;

/** A head's bare name; a reference, `pets@3`, is none. */
export const headName = z
  .string()
  .regex(headNamePattern, {
    error: wrong('is no head’s name: give up to 64 of a-z 0-9 . _ - and no @version'),
  })
  .meta({ description: 'The head’s name, without a version.', example: 'pets' });

const bareName = headNamePattern.source.slice(1, -1);
/** A version of a head. */
export const headReference = z
  .string()
  .regex(new RegExp(`^${bareName}(@${bareName})?$`), 'must be a name, name@version or name@alias')
  .meta({
    description:
      'Which head answers: `name`, `name@3`, `name@latest`, or `name@production` where that is an alias.',
    example: 'emoji',
  });

/** A head with its version, where a bare name may be something else’s. */
export const headVersion = z
  .string()
  .regex(new RegExp(`^${bareName}@${bareName}$`), 'must be name@version or name@alias');

/** An alias of a head. */
export const aliasName = z
  .string()
  .regex(aliasPattern, {
    error: wrong('is no name for an alias: use a letter, then up to 63 of a-z 0-9 . _ -, and not latest'),
  })
  .meta({ description: 'The alias.', example: 'production' });

/** A version by its number alone, as it stands in a path: digits. */
export const versionNumber = z
  .string()
  .regex(/^[1-9]\d{0,9}$/, { error: wrong('is no number, and a version is named here only by its number') })
  .refine((text) => Number(text) <= highestVersion, { error: `must be at most ${highestVersion}` })
  .meta({ description: 'The version’s number.', example: '2' });

/** A version as the Open Inference Protocol names it: its number, `latest` or an alias. */
export const versionName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, {
    error: wrong('is no version: give its number, an alias or latest'),
  })
  .meta({ description: 'The version’s number, `latest`, or an alias.', example: '2' });

/** The id of a job or a dataset. */
export const recordId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, {
  error: wrong('is no id: use up to 128 of A-Z a-z 0-9 . _ -'),
});
