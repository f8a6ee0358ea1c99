import { TandemError } from '../../errors.ts';

/**
 * What a statement is given, where every database can hold it.
 * @throws TandemError `invalid-request` where a text has the character U+0000, which Postgres cannot hold
 */
export function storable<Value>(parameters: readonly Value[]): readonly Value[] {
  for (const parameter of parameters)
    if (typeof parameter === 'string' && parameter.includes('\0'))
      throw new TandemError(
        'invalid-request',
        `${JSON.stringify(parameter.slice(0, 100))} has the character U+0000, which cannot be stored; leave it out`,
      );
  return parameters;
}
