import { type Agent, request as startRequest } from 'node:http';
import { json } from 'node:stream/consumers';

/** Posts JSON over a connection that an agent keeps. Unlike fetch, it never tries a second time by itself. */
export function request(
  address: string,
  agent: Agent,
  body: object,
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of it, it says itself
): Promise<{ status: number; body: any }> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json' };
    const sent = startRequest(address, { agent, method: 'POST', headers }, (response) =>
      json(response).then((answer) => resolve({ status: response.statusCode!, body: answer }), reject),
    );
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}
