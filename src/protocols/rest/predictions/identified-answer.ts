import { TandemError } from '../../../errors.ts';
import { describeProblem } from '../../http/problems.ts';
import type { ItemId } from './prediction-request.ts';

/**
 * An answer to an item as JSON, or its error, with what the caller knows the item by.
 * @example identified('listing-71', prediction, '') // { id: 'listing-71', labels: […], … }
 */
export function identified(id: ItemId | undefined, answer: object | TandemError, basePath: string): object {
  const known = id === undefined ? {} : { id };
  return answer instanceof TandemError
    ? { ...known, error: describeProblem(answer, { basePath }) }
    : { ...known, ...answer };
}
