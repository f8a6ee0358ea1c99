import type { Request } from 'express';
import { TandemError } from '../../../errors.ts';
import { readQuery } from '../../http/query.ts';
import { lineQuerySchema } from './prediction-lines.ts';

const querySchema = lineQuerySchema.extend({ topK: lineQuerySchema.shape.topK.unwrap().optional() });

export interface Asked {
  head?: string;
  topK?: number;
}

/** Which head is asked in the address, and for how many labels. @throws as {@link readQuery} */
export function readPredictionQuery(request: Request): Asked {
  return readQuery(request, querySchema);
}

/**
 * What a request asks for that may say so in its address, in its body, or in both alike.
 * @throws TandemError `invalid-request` where the two contradict each other
 * @example agreeing({ head: 'pets' }, { topK: 3 }) // { head: 'pets', topK: 3 }
 */
export function agreeing(address: Asked, body: Asked): Asked {
  const items = (['head', 'topK'] as const)
    .filter((at) => address[at] !== undefined && body[at] !== undefined && address[at] !== body[at])
    .map((at) => ({ at, detail: `it is ${address[at]} in the address and ${body[at]} in the body` }));
  if (items.length > 0)
    throw new TandemError(
      'invalid-request',
      `${items.map(({ at, detail }) => `${at}: ${detail}`).join('; ')}; say it in one place`,
      { items },
    );
  return { head: body.head ?? address.head, topK: body.topK ?? address.topK };
}
