import type { Request } from 'express';
import { TandemError } from '../../../errors.ts';
import { readQuery } from '../../http/query.ts';
import { lineQuerySchema } from './prediction-lines.ts';
import type { Asked } from './prediction-request.ts';

const querySchema = lineQuerySchema.extend({ topK: lineQuerySchema.shape.topK.unwrap().optional() });

/** What a request asks for in its address: which head, for how many labels, whether it explains. @throws as {@link readQuery} */
export function readPredictionQuery(request: Request): Asked {
  return readQuery(request, querySchema);
}

/**
 * What a request asks for that may say so in its address, in its body, or in both alike.
 * @throws TandemError `invalid-request` where the two contradict each other
 * @example agreeing({ head: 'pets' }, { topK: 3 }) // { head: 'pets', topK: 3 }
 */
export function agreeing(address: Asked, body: Asked): Asked {
  const items = (Object.keys(querySchema.shape) as (keyof Asked)[])
    .filter((at) => address[at] !== undefined && body[at] !== undefined && address[at] !== body[at])
    .map((at) => ({ at, detail: `it is ${address[at]} in the address and ${body[at]} in the body` }));
  if (items.length > 0)
    throw new TandemError(
      'invalid-request',
      `${items.map(({ at, detail }) => `${at}: ${detail}`).join('; ')}; say it in one place`,
      { items },
    );
  return { ...address, ...definedOf(body) };
}

function definedOf(asked: Asked): Asked {
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
}
