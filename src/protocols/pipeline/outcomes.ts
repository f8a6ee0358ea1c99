import { type ErrorCode, TandemError } from '../../errors.ts';
import type { Prediction, PredictionInput } from '../../heads/prediction.ts';
import { required } from '../../indexing.ts';
import type { Metrics } from './metrics.ts';
import type { Services } from './services.ts';

/**
 * Classifies the items that could be read, and counts what became of each by its head: `ok`, or the code of its
 * problem; a request that fails as a whole fails for each of its items.
 * @param items to classify; one that could not be read stands as its error in its place
 * @returns the head that answered, and an answer or an error for each item, in order
 * @throws what `predict` throws
 * @example const { answers } = await predictAndCount(services, metrics, items, { head: 'pets', topK: 5, signal });
 */
export async function predictAndCount(
  services: Pick<Services, 'predict' | 'head'>,
  metrics: Metrics | undefined,
  items: readonly (PredictionInput | TandemError)[],
  options: Parameters<Services['predict']>[1],
): Promise<{ head: { name: string; version: number }; answers: (Prediction | TandemError)[] }> {
  const readable = items.filter((item): item is PredictionInput => !(item instanceof TandemError));
  try {
    const { head, results } =
      readable.length > 0
        ? await services.predict(readable, options)
        : { head: await services.head(options.head), results: [] };
    const remaining = results.values();
    const answers = items.map((item) =>
      item instanceof TandemError ? item : required(remaining.next().value, 'an answer'),
    );
    for (const answer of answers)
      metrics?.predicted(head.name, head.version, answer instanceof TandemError ? answer.code : 'ok');
    return { head: { name: head.name, version: head.version }, answers };
  } catch (error) {
    // A head that is not registered is no label: names that callers make up would be without end.
    const head = metrics && (await services.head(options.head).catch(() => undefined));
    if (head) metrics.predicted(head.name, head.version, outcomeOf(error, options.signal), items.length);
    throw error;
  }
}

function outcomeOf(error: unknown, signal: AbortSignal): ErrorCode {
  if (error instanceof TandemError) return error.code;
  return signal.aborted ? 'deadline-exceeded' : 'internal';
}
