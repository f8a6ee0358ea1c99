import { ApiError } from '../clients/typescript/api-error.ts';
import { type components, createTandemClient, type Problem } from '../clients/typescript/client.ts';

type Schemas = components['schemas'];
export type Head = Schemas['Head'];
export type Session = Schemas['Session'];
export type Scope = NonNullable<Session['scope']>;
export type { Job, Prediction, Problem } from '../clients/typescript/client.ts';
export type HeadVersions = Schemas['HeadVersions'];
export type Trial = Schemas['DatasetTrial'];
export type Explanation = NonNullable<Schemas['Prediction']['explanation']>;

/** What every address of the server begins with; it ends with a slash. */
const base = document.querySelector<HTMLMetaElement>('meta[name=base]')?.content ?? './';

export { form } from '../clients/typescript/form.ts';
export { jobEvents } from '../clients/typescript/job-events.ts';
export const address = new URL(base, location.href).href;

/** The whole API. The browser sends the session's cookie with every request. */
export const server = createTandemClient(address);

/**
 * The data of an answer.
 * @throws ApiError where the server answers with a problem
 * @example const { heads } = await answered(server.GET('/v1/heads'));
 */
export async function answered<Data>(
  call: Promise<{ data?: Data; error?: unknown }>,
): Promise<NonNullable<Data>> {
  const { data, error } = await call;
  if (error !== undefined) throw new ApiError(error as Problem);
  if (data === undefined || data === null) throw new Error('the answer is empty');
  return data;
}

/** The problem in an error that a call threw; undefined where the server did not answer at all. */
export function problemIn(error: unknown): Problem | undefined {
  return error instanceof ApiError ? error.problem : undefined;
}
