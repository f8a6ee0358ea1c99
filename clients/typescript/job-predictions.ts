import type { Client } from 'openapi-fetch';
import type { paths } from './api.d.ts';
import { ApiError } from './api-error.ts';

/** What a head answered to an example of an evaluation, and what is true of it. Numbers and labels as they are. */
export interface EvaluatedRow {
  /** Line of the dataset's table. */
  row: number;
  /** Of one label whether it is the true one; of several whether all are. */
  correct?: boolean;
  /** Whether the head learned from it, where it keeps a record. */
  trained_on?: boolean;
  [column: string]: unknown;
}

/**
 * The answers of an evaluation, one after another as they come in.
 * @throws ApiError where the server refuses (an unknown job, no evaluation, one that is not over)
 * @example
 * for await (const { row, true_label, predicted_label, correct } of jobPredictions(tandem, id))
 *   if (!correct) console.log(row, true_label, predicted_label);
 */
export async function* jobPredictions(
  tandem: Client<paths>,
  id: string,
): AsyncGenerator<EvaluatedRow, void, undefined> {
  const { data, error } = await tandem.GET('/v1/jobs/{id}/predictions', {
    params: { path: { id }, query: { format: 'jsonl' } },
    parseAs: 'stream',
  });
  if (error) throw new ApiError(error);
  const reader = data?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return;
  let rest = '';
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const lines = (rest + next.value).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield JSON.parse(line) as EvaluatedRow;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
