import { z } from 'zod';
import { TandemError } from './errors.ts';
import { issuesInOneLine } from './schema-words.ts';

/**
 * What a stored JSON text says, checked by a schema.
 * @param what names the text in the error
 * @throws TandemError `damaged-artifact` that says what is wrong where
 * @example const versions = parseJson(z.array(z.int()), row.versions, 'the alias pets@production');
 */
export function parseJson<Schema extends z.ZodType>(
  schema: Schema,
  text: string,
  what: string,
): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    const detail = cause instanceof z.ZodError ? issuesInOneLine(cause, 'it') : (cause as Error).message;
    throw new TandemError('damaged-artifact', `${what} cannot be used: ${detail}`, { cause });
  }
}
