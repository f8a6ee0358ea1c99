import createClient, { type Client } from 'openapi-fetch';
import type { components, paths } from './api.d.ts';

export type { components, paths } from './api.d.ts';
export { ApiError } from './api-error.ts';
export { type FormOptions, form, type Upload } from './form.ts';
export { type JobEvent, type JobEventsOptions, jobEvents } from './job-events.ts';
export { type EvaluatedRow, jobPredictions } from './job-predictions.ts';

export type Job = components['schemas']['Job'];
export type Prediction = components['schemas']['Prediction'];
export type Problem = components['schemas']['Problem'];
export type TandemClient = Client<paths>;

/**
 * A typed client of the whole API: paths, bodies and answers are checked by the compiler. It runs wherever there is
 * fetch; but the server sends no CORS headers, so in a browser it reaches only a server of the page's own origin: put
 * both behind one reverse proxy.
 * @param key one that `keys create` made, where the server requires one
 * @example
 * import { createTandemClient } from 'tandem/client';
 * const tandem = createTandemClient('http://127.0.0.1:8080');
 * const { data, error } = await tandem.POST('/v1/predict', {
 *   body: { head: 'emoji', topK: 3, inputs: [{ text: 'a slice of pizza' }] },
 * });
 * if (error) throw new ApiError(error);
 * if ('results' in data) console.log(data.results);
 */
export function createTandemClient(address: string, key?: string): TandemClient {
  return createClient<paths>({
    baseUrl: address,
    headers: key === undefined ? {} : { Authorization: `Bearer ${key}` },
  });
}
