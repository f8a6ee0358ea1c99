import createClient, { type Client } from 'openapi-fetch';
import type { components, paths } from './api.d.ts';

export type Prediction = components['schemas']['Prediction'];
export type Problem = components['schemas']['Problem'];

/**
 * A typed client of the whole API: paths, bodies and answers are checked by the compiler. Copy this folder into your
 * project and install openapi-fetch. It runs wherever there is fetch; but the server sends no CORS headers, so in a
 * browser it reaches only a server of the page's own origin: put both behind one reverse proxy.
 * @param key one that `keys create` made, where the server asks for one
 * @example
 * const tandem = createTandemClient('http://127.0.0.1:8080');
 * const { data, error } = await tandem.POST('/v1/predict', {
 *   body: { head: 'emoji', topK: 3, inputs: [{ text: 'a slice of pizza' }] },
 * });
 * if (error) throw new Error(`${error.title}: ${error.detail}. ${error.fix}`);
 * if ('results' in data) console.log(data.results);
 */
export function createTandemClient(address: string, key?: string): Client<paths> {
  return createClient<paths>({
    baseUrl: address,
    headers: key === undefined ? {} : { Authorization: `Bearer ${key}` },
  });
}
