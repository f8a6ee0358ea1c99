import { get as getHttp, type IncomingMessage } from 'node:http';
import { get as getHttps } from 'node:https';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { unlessAborted } from '../cancellation.ts';
import { TandemError } from '../errors.ts';
import { itemAt } from '../indexing.ts';
import { isGlobalAddress } from './address-range.ts';
import { resolveHost } from './resolve-host.ts';

export interface RemoteOptions {
  /** Most bytes that are read; counted while they come, whatever the server announces. */
  maximumBytes: number;
  /** Milliseconds for everything: names, redirects and the whole body. */
  timeout: number;
  signal?: AbortSignal;
  /** Ports that may be connected to; default: 80 and 443. */
  ports?: readonly number[];
  /** Every address of a name; by default the system's resolver. */
  resolve?(host: string): Promise<readonly { address: string }[]>;
  /** Whether an address may be connected to; default: only those of the open internet. */
  isAllowed?(address: string): boolean;
}

export interface RemoteFile {
  /** The body. It fails with a TandemError where it grows too large, stalls or breaks off. */
  body: Readable;
  contentType?: string;
  /** The last part of the address's path, which may be empty. */
  fileName: string;
}

const maximumRedirects = 3;

/**
 * Opens a file at an address that a caller gave, so that nothing inside our own network can be reached by it: only
 * http and https on their ports, every address of the name must be global, the connection goes to the very address
 * that was checked, and redirects are followed by hand, each checked like the first.
 * @throws TandemError `remote-file` that names the address and says why not
 * @example
 * const { body } = await openRemote('https://example.org/cat.jpg', { maximumBytes: 20e6, timeout: 10_000 });
 * const bytes = await buffer(body);
 */
export async function openRemote(address: string, options: RemoteOptions): Promise<RemoteFile> {
  const deadline = AbortSignal.timeout(options.timeout);
  const signal = options.signal ? AbortSignal.any([deadline, options.signal]) : deadline;
  const describe = (error: unknown) => {
    if (options.signal?.aborted) return options.signal.reason;
    if (deadline.aborted) return refuse(address, `it took more than ${options.timeout / 1000} s`, error);
    if (error instanceof TandemError) return error;
    return refuse(address, `it cannot be reached (${(error as NodeJS.ErrnoException).code ?? error})`, error);
  };
  try {
    let url = parse(address, address);
    for (let redirects = 0; ; redirects++) {
      const response = await connect(url, options, signal);
      const { statusCode = 0, headers } = response;
      const location = [301, 302, 303, 307, 308].includes(statusCode) ? headers.location : undefined;
      if (statusCode === 200)
        return {
          body: limited(response, url.href, options.maximumBytes, describe),
          contentType: headers['content-type'],
          fileName: decodeName(url),
        };
      response.destroy();
      if (location === undefined) throw refuse(url.href, `it answers with status ${statusCode}`);
      if (redirects === maximumRedirects)
        throw refuse(address, `it redirects more than ${maximumRedirects} times`);
      url = parse(location, address, url);
    }
  } catch (error) {
    throw describe(error);
  }
}

function parse(text: string, shown: string, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  if (!url) throw refuse(shown, 'it is no address');
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw refuse(shown, 'only http and https are fetched');
  if (url.username || url.password) throw refuse(shown, 'it has a name or password in it');
  return url;
}

async function connect(url: URL, options: RemoteOptions, signal: AbortSignal): Promise<IncomingMessage> {
  const { ports = [80, 443], isAllowed = isGlobalAddress } = options;
  const resolve = options.resolve ?? ((host: string) => resolveHost(host, signal));
  const isSecure = url.protocol === 'https:';
  const port = Number(url.port) || (isSecure ? 443 : 80);
  if (!ports.includes(port)) throw refuse(url.href, `port ${port} is not allowed`);
  const host = url.hostname.replaceAll(/^\[|\]$/g, '');
  const addresses = await unlessAborted(signal, resolve(host));
  // One private address among public ones is how a rebinding name looks.
  const [first] = addresses;
  if (!first || !addresses.every(({ address }) => isAllowed(address)))
    throw refuse(url.href, 'it leads to an address that is not on the open internet');
  const get = isSecure ? getHttps : getHttp;
  return new Promise((resolved, rejected) => {
    get(
      {
        host: first.address,
        port,
        path: url.pathname + url.search,
        // What a browser would call the host; the certificate is checked against it.
        headers: { Host: url.host, 'Accept-Encoding': 'identity' },
        ...(isSecure && { servername: host }),
        agent: false,
        signal,
      },
      resolved,
    ).on('error', rejected);
  });
}

function limited(
  response: IncomingMessage,
  address: string,
  maximumBytes: number,
  describe: (error: unknown) => unknown,
): Readable {
  let bytes = 0;
  const body = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > maximumBytes) done(refuse(address, `it is larger than ${maximumBytes} bytes`));
      else done(null, chunk);
    },
    destroy(error, done) {
      done(error ? (describe(error) as Error) : null);
    },
  });
  // The reader of the body learns of every failure; nobody else waits for the pipeline.
  pipeline(response, body).catch(() => {});
  return body;
}

function decodeName({ pathname }: URL): string {
  const last = itemAt(pathname.split('/'), -1);
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

function refuse(address: string, detail: string, cause?: unknown): TandemError {
  const at = address.length > 200 ? `${address.slice(0, 200)}…` : address;
  return new TandemError('remote-file', `${at}: ${detail}`, { items: [{ at, detail }], cause });
}
