import type { IncomingMessage } from 'node:http';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { TandemError } from '../errors.ts';
import { itemAt } from '../indexing.ts';
import { type ConnectOptions, connect, parseAddress, redirectOf, refuse } from './connect.ts';

export interface RemoteOptions extends Omit<ConnectOptions, 'headers'> {
  /** Most bytes that are read; counted while they come, whatever the server announces. */
  maximumBytes: number;
  /** Milliseconds for everything: names, redirects and the whole body. */
  timeout: number;
  signal?: AbortSignal;
  /** Ports that may be connected to; default: 80 and 443. */
  ports?: readonly number[];
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
    let url = parseAddress(address, address);
    for (let redirects = 0; ; redirects++) {
      const response = await connect(url, { ports: [80, 443], ...options }, signal);
      const { statusCode = 0, headers } = response;
      const location = redirectOf(response);
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
      url = parseAddress(location, address, url);
    }
  } catch (error) {
    throw describe(error);
  }
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
