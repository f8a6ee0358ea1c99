/**
 * Mounts Tandem in an Express application: its HTTP API below /tandem, behind the application's own login, and a route that
 * calls the library itself.
 *   node server.ts --port 3000
 */
import { timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import express, { type RequestHandler } from 'express';
// Where the package is installed: from 'tandem'.
import { openTandem, TandemError } from '../../src/index.ts';

const { values: options } = parseArgs({
  options: { port: { type: 'string', default: '3000' }, data: { type: 'string', default: 'data' } },
});
const password = process.env.PASSWORD ?? 'secret';

/** Stands for the login that an application has already. */
const requireLogin: RequestHandler = (request, response, next) => {
  const given = Buffer.from(request.get('X-Password') ?? '');
  const expected = Buffer.from(password);
  if (given.length === expected.length && timingSafeEqual(given, expected)) next();
  else response.status(401).send('Log in first.\n');
};

// The application decides who may ask, so Tandem requires no key of its own.
const tandem = await openTandem({ data: options.data, anonymous: 'everyone', logLevel: 'warn' });
const app = express();
// Before any body parser: Tandem reads bodies itself.
app.use('/tandem', requireLogin, await tandem.handler());
app.post('/tags', express.text(), async (request, response) => {
  const { results } = await tandem.predict([{ text: request.body }], { head: 'emoji', topK: 1 });
  const [prediction] = results;
  if (!prediction || prediction instanceof TandemError) response.status(422).send(`${prediction?.message}\n`);
  else response.send(`${prediction.labels[0]?.label}\n`);
});

const server = app.listen(Number(options.port), '127.0.0.1');
await once(server, 'listening');
console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);

process.once('SIGTERM', async () => {
  server.close();
  await tandem.close();
});
