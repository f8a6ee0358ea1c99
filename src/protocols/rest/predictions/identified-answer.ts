import { TandemError } from '../../../errors.ts';
import type { Prediction } from '../../../heads/prediction.ts';
import { describeProblem } from '../../http/problems.ts';
import type { ItemId } from './prediction-request.ts';

/**
 * An answer to an item as JSON, or its error, with what the caller knows the item by.
 * @example identified('listing-71', prediction, '') // { id: 'listing-71', labels: […], … }
 */
export function identified(
  id: ItemId | undefined,
  answer: Prediction | TandemError,
  basePath: string,
): object {
  const known = id === undefined ? {} : { id };
  return answer instanceof TandemError
    ? { ...known, error: describeProblem(answer, { basePath }) }
    : { ...known, ...linked(answer, basePath) };
}

/** The same, with a link to each training example that an explanation names, where its dataset is registered. */
function linked(answer: Prediction, basePath: string): object {
  const { explanation } = answer;
  if (!explanation) return answer;
  const nearest = explanation.nearest.map((example) => {
    const { dataset, row } = example;
    return dataset === undefined
      ? example
      : { ...example, href: `${basePath}/v1/datasets/${dataset}/rows?row=${row}` };
  });
  return { ...answer, explanation: { ...explanation, nearest } };
}
