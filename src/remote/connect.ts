import { get as getHttp, type IncomingMessage } from 'node:http';
import { get as getHttps } from 'node:https';
import { unlessAborted } from '../cancellation.ts';
import { TandemError } from '../errors.ts';
import { isGlobalAddress } from './address-range.ts';
import { resolveHost } from './resolve-host.ts';

export interface ConnectOptions {
  /** Ports that may be connected to; any by default. */
  ports?: readonly number[];
  /** Every address of a name; by default the system's resolver. */
  resolve?(host: string): Promise<readonly { address: string }[]>;
  /** Whether an address may be connected to; default: only those of the open internet. */
  isAllowed?(address: string): boolean;
  headers?: Readonly<Record<string, string>>;
}

/**
 * Reads an address that others gave.
 * @param shown what errors call it
 * @param base what it is relative to
 * @throws TandemError `remote-file` where it is not http or https, or carries a name or password
 */
export function parseAddress(text: string, shown: string, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  if (!url) throw refuse(shown, 'it is no address');
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw refuse(shown, 'only http and https are fetched');
  if (url.username || url.password) throw refuse(shown, 'it has a name or password in it');
  return url;
}

/**
 * Asks for an address and gives the answer, a redirect as well. Every address of the name must be allowed, and the connection
 * goes to the very address that was checked.
 * @throws TandemError `remote-file` where the port or an address is not allowed; what the connection throws
 * @example const { statusCode } = await connect(new URL('https://example.org/cat.jpg'), {}, AbortSignal.timeout(5000));
 */
export async function connect(
  url: URL,
  options: ConnectOptions,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { ports, isAllowed = isGlobalAddress } = options;
  const resolve = options.resolve ?? ((host: string) => resolveHost(host, signal));
  const isSecure = url.protocol === 'https:';
  const port = Number(url.port) || (isSecure ? 443 : 80);
  if (ports && !ports.includes(port)) throw refuse(url.href, `port ${port} is not allowed`);
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
        headers: { Host: url.host, 'Accept-Encoding': 'identity', ...options.headers },
        ...(isSecure && { servername: host }),
        agent: false,
        signal,
      },
      resolved,
    ).on('error', rejected);
  });
}

/** @throws never; gives the error that names the address and says why not */
export function refuse(address: string, detail: string, cause?: unknown): TandemError {
  const at = address.length > 200 ? `${address.slice(0, 200)}…` : address;
  return new TandemError('remote-file', `${at}: ${detail}`, { items: [{ at, detail }], cause });
}

/** Where a redirect leads; undefined of any other answer. */
export function redirectOf({ statusCode = 0, headers }: IncomingMessage): string | undefined {
  return [301, 302, 303, 307, 308].includes(statusCode) ? headers.location : undefined;
}
