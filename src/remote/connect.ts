import { get as getHttp, Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { get as getHttps, Agent as HttpsAgent } from 'node:https';
import { isIP } from 'node:net';
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
  /** The address of a proxy that looks the name up, and connects; an address that is written out must be allowed all the same. */
  proxy?: string | undefined;
  /** Milliseconds without a byte, of the answer as well, after which it is given up; without a bound by default. */
  patience?: number;
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
  const { ports, proxy, patience } = options;
  const isSecure = url.protocol === 'https:';
  const port = Number(url.port) || (isSecure ? 443 : 80);
  if (ports && !ports.includes(port)) throw refuse(url.href, `port ${port} is not allowed`);
  const get = isSecure ? getHttps : getHttp;
  const request = {
    host: await allowedHost(url, options, signal),
    port,
    path: url.pathname + url.search,
    // What a browser would call the host; the certificate is checked against it.
    headers: { Host: url.host, 'Accept-Encoding': 'identity', ...options.headers },
    ...(isSecure && { servername: hostOf(url) }),
    agent: proxy === undefined ? (false as const) : agentOf(proxy, isSecure),
    signal,
    // Of the socket without a byte, that to a proxy included.
    ...(patience !== undefined && { timeout: patience }),
  };
  return new Promise((resolved, rejected) => {
    const asked = get(request, resolved).on('error', rejected);
    asked.on('timeout', () => asked.destroy(new Error(`nothing came for ${Number(patience) / 1000} s`)));
  });
}

/** What is connected to: an address that was checked, or behind a proxy the host itself. */
async function allowedHost(
  url: URL,
  { proxy, resolve, isAllowed = isGlobalAddress }: ConnectOptions,
  signal: AbortSignal,
): Promise<string> {
  const host = hostOf(url);
  if (proxy !== undefined && isIP(host) === 0) return host;
  const addresses = await unlessAborted(signal, resolve?.(host) ?? resolveHost(host, signal));
  // One private address among public ones is how a rebinding name looks.
  const [first] = addresses;
  if (!first || !addresses.every(({ address }) => isAllowed(address)))
    throw refuse(url.href, 'it leads to an address that is not on the open internet');
  return first.address;
}

function agentOf(proxy: string, isSecure: boolean): HttpAgent {
  const proxyEnv = { HTTP_PROXY: proxy, HTTPS_PROXY: proxy };
  return isSecure ? new HttpsAgent({ proxyEnv }) : new HttpAgent({ proxyEnv });
}

/** The host of an address, of IPv6 without brackets. */
export function hostOf({ hostname }: URL): string {
  return hostname.replaceAll(/^\[|\]$/g, '');
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
