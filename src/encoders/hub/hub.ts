import type { IncomingMessage } from 'node:http';
import { TandemError } from '../../errors.ts';
import { connect, parseAddress, redirectOf } from '../../remote/connect.ts';
import { DownloadError } from './download-error.ts';
import { proxyFor } from './proxy.ts';
import { Reach } from './reach.ts';

/** Where models are downloaded from, and where they are kept. */
export interface Hub {
  /** Of the hub or a mirror; that of transformers.js by default. */
  address?: string;
  /** Sent to that address, and to no other. */
  token?: string;
  /** Nothing is asked for: models come from the caches alone. */
  isOffline: boolean;
  /** Folder that downloads are kept in, laid out as that of Python's client. */
  cache: string;
  /** Folders of Python's client, which are read. */
  otherCaches: readonly string[];
  /** Milliseconds until the first retry; each further one waits twice as long. */
  retryDelay?: number;
  /** Milliseconds without a byte after which a connection is given up; a minute by default. */
  patience?: number;
}

const mostRedirects = 5;

interface HubRequest {
  /** Names it in errors. */
  what: string;
  /** The first byte that is asked for, and the last; all from the first on by default. */
  from?: number;
  to?: number;
  signal: AbortSignal;
}

/** An answer of the hub, and what it said of the file before it redirected. */
export interface HubAnswer {
  response: IncomingMessage;
  /** The commit that the hub took the file from. */
  commit?: string;
}

/** The address of the hub, without a slash at its end. */
export async function addressOf({ address }: Hub): Promise<string> {
  if (address) return address.replace(/\/+$/, '');
  const { env } = await import('@xenova/transformers');
  return env.remoteHost.replace(/\/+$/, '');
}

/**
 * Asks the hub for an address of its own. Redirects are followed by hand: to other hosts without the token, never from https
 * to http, and to addresses of the open internet alone, unless the hub itself is inside one's own network. Where a proxy is in
 * between it looks up the names, and only addresses that are written out are judged.
 * @param path from the hub's root, such as `/api/models/Xenova/bge-small-en-v1.5/revision/main`
 * @throws DownloadError saying what the hub answered
 */
export async function askHub(
  hub: Hub,
  path: string,
  { what, from = 0, to, signal }: HubRequest,
): Promise<HubAnswer> {
  const address = await addressOf(hub);
  try {
    return await follow(hub, new URL(address + path), { what, from, to, signal });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof DownloadError) throw error;
    if (error instanceof TandemError) throw new DownloadError(`${what}: ${error.message}`, { cause: error });
    throw new DownloadError(`${what}: ${address} cannot be reached (${reasonOf(error)})`, {
      cause: error,
      again: true,
      fix: 'Check the network, and HTTPS_PROXY where a proxy is in between; --hub names a mirror, and --offline on takes what was downloaded before.',
    });
  }
}

/** Of a proxy what it answered; else the code. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, message } = error as NodeJS.ErrnoException;
  return code === undefined || code === 'ERR_PROXY_TUNNEL' ? message : code;
}

async function follow(hub: Hub, start: URL, { what, from = 0, to, signal }: HubRequest): Promise<HubAnswer> {
  let url = start;
  const reach = new Reach();
  let commit: string | undefined;
  for (let redirects = 0; redirects <= mostRedirects; redirects++) {
    const isHub = url.origin === start.origin;
    const response = await connect(
      url,
      {
        proxy: proxyFor(url),
        patience: hub.patience ?? 60_000,
        isAllowed: (address) => reach.allows(address, { isHub }),
        headers: {
          ...(isHub && hub.token && { Authorization: `Bearer ${hub.token}` }),
          ...((from > 0 || to !== undefined) && { Range: `bytes=${from}-${to ?? ''}` }),
        },
      },
      signal,
    );
    const named = response.headers['x-repo-commit'];
    if (isHub && typeof named === 'string') commit = named;
    const location = redirectOf(response);
    const status = response.statusCode ?? 0;
    if (status === 200 || status === 206) return { response, commit };
    response.destroy();
    if (location === undefined) throw refusal(hub, status, response, { what, address: start.origin });
    const next = parseAddress(location, what, url);
    if (start.protocol === 'https:' && next.protocol !== 'https:')
      throw new DownloadError(`${what}: ${start.origin} redirects to ${next.origin}, which is not encrypted`);
    url = next;
  }
  throw new DownloadError(`${what}: ${start.origin} redirects more than ${mostRedirects} times`);
}

function refusal(
  { token }: Hub,
  status: number,
  { headers }: IncomingMessage,
  { what, address }: { what: string; address: string },
): DownloadError {
  const said = typeof headers['x-error-message'] === 'string' ? `: ${headers['x-error-message']}` : '';
  const detail = `${what}: ${address} answers ${status}${said}`;
  const seconds = Number(headers['retry-after']);
  const retryAfter = Number.isFinite(seconds) && seconds > 0 ? seconds : undefined;
  const forCaller = callersFault(status, token);
  if (forCaller) return new DownloadError(detail, { code: 'unknown-model', fix: forCaller });
  if (status === 429 || status >= 500)
    return new DownloadError(detail, {
      again: true,
      retryAfter,
      fix:
        status === 429
          ? 'Wait, or put a token in HF_TOKEN: the hub lets more through with one.'
          : 'Run it again later: it resumes where it was.',
    });
  return new DownloadError(detail);
}

/** What the caller can do about an answer; undefined where it is the hub's own trouble. */
function callersFault(status: number, token: string | undefined): string | undefined {
  switch (status) {
    case 401:
      return token
        ? 'The token in HF_TOKEN is not valid there, or the model does not exist: check both.'
        : 'Check the model’s name; where it is private or gated, put a token of yours in HF_TOKEN.';
    case 403:
      return 'The model is gated: accept its terms on its page of the hub, and put a token of that account in HF_TOKEN.';
    case 404:
      return 'Check the model’s name and revision: OWNER/NAME@REVISION.';
    default:
      return undefined;
  }
}
