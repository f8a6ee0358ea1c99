import type { Request } from 'express';
import type { z } from 'zod';
import { TandemError } from '../../errors.ts';

/**
 * What stands in the path of a request. Routes check it before any of their handlers runs.
 * @param parameters as the route's operation describes them
 * @throws ZodError naming each bad value
 * @example const { id } = readPath(request, { path: z.object({ id: recordId }) });
 */
export function readPath<Schema extends z.ZodObject>(
  { params }: Pick<Request, 'params'>,
  { path }: { path: Schema },
): z.output<Schema> {
  return path.parse(params);
}

/**
 * What stands in an address behind its question mark.
 * @throws TandemError `invalid-request` that names what nobody knows and what there is; ZodError naming each bad value
 * @example const { offset, limit } = readQuery(request, pageSchema);
 */
export function readQuery<Schema extends z.ZodObject>(
  { query }: Pick<Request, 'query'>,
  schema: Schema,
): z.output<Schema> {
  const known = Object.keys(schema.shape);
  const detail = `there is no such parameter in the address; there are: ${known.join(', ')}`;
  const items = Object.keys(query)
    .filter((name) => !known.includes(name))
    .map((at) => ({ at, detail }));
  if (items.length > 0)
    throw new TandemError('invalid-request', `${items.map(({ at }) => at).join(', ')}: ${detail}`, { items });
  return schema.parse(query);
}
