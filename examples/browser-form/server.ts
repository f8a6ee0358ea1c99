/**
 * Serves form.html, and passes what it posts on to Tandem. So the page and the API have one origin, which Tandem requires of a
 * browser: it sends no CORS headers. The key, where there is one, stays on this side.
 *   node server.ts
 */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '3000' },
    address: { type: 'string', default: 'http://127.0.0.1:8080' },
  },
});
const key = process.env.TANDEM_KEY;
const page = await readFile(path.join(import.meta.dirname, 'form.html'));

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    if (response.headersSent) response.destroy();
    else send(response, 502, { title: 'Tandem does not answer', detail: (error.cause ?? error).message });
  });
}).listen(Number(options.port), '127.0.0.1', () => {
  const { port } = server.address() as { port: number };
  process.stdout.write(`http://127.0.0.1:${port}\n`);
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url, headers } = request;
  if (method === 'GET' && url === '/') {
    response.setHeader('Content-Type', 'text/html; charset=utf-8').end(page);
  } else if (method === 'POST' && url === '/v1/predict') {
    // With a key, Tandem cannot tell that a page of another site asks. A browser tells it here.
    if ((headers['sec-fetch-site'] ?? 'same-origin') !== 'same-origin')
      send(response, 403, { title: 'Forbidden', detail: 'a page of another site asks for this' });
    else await passOn(request, response);
  } else send(response, 404, { title: 'Not found', detail: `${method} ${url}` });
}

async function passOn(request: IncomingMessage, response: ServerResponse): Promise<void> {
  // Node sends a request's body as it comes; the types of fetch in browsers know no such body.
  const passed: object = {
    method: 'POST',
    headers: {
      'Content-Type': request.headers['content-type'] ?? '',
      ...(key && { Authorization: `Bearer ${key}` }),
    },
    body: request,
    duplex: 'half',
  };
  const answered = await fetch(`${options.address}/v1/predict`, passed);
  response.writeHead(answered.status, { 'Content-Type': answered.headers.get('Content-Type') ?? '' });
  await pipeline(answered.body ?? [], response);
}

function send(response: ServerResponse, status: number, problem: { title: string; detail: string }): void {
  response.writeHead(status, { 'Content-Type': 'application/problem+json' }).end(JSON.stringify(problem));
}
