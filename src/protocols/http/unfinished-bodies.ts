import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** Milliseconds that a caller who still sends gets to read an answer that came early, and bytes that it may send meanwhile. */
const lingerTime = 2_000;
const lingerBytes = 16 * 2 ** 20;

/**
 * Ends requests whose body does not come to its end. Node would give every request 5 minutes, too few for a large
 * dataset on a slow line, however steadily it comes: here silence counts, as in nginx's client_body_timeout, and a trickle,
 * as in Apache's MinRate. Where the answer is already there, for a body that is too large say, the rest is
 * thrown away, for as long, and as much of it, as it takes the caller to read that (nginx calls it a lingering close).
 * @param stallTime milliseconds without a byte, or with too few of them
 * @param slowest bytes a second that a body must come with at least, over the stall time
 */
export function endUnfinishedBodies(
  server: Server,
  { stallTime, slowest }: { stallTime: number; slowest: number },
): void {
  server.requestTimeout = 0;
  // The reader of a body says so (inviteBody), not the server before anybody looked at its length.
  server.on('checkContinue', (request, response) => server.emit('request', request, response));
  server.on('request', (request, response) => {
    // Without this listener Node would also end a request that is complete and waits for its answer.
    response.setTimeout(stallTime, () => {
      if (isAwaited(request)) request.destroy();
    });
    cutOffTrickle(request, response, { stallTime, fewest: (slowest * stallTime) / 1000 });
    response.once('finish', () => linger(request));
  });
}

/** Whether it is the caller that is waited for: what has come and isn't read yet waits for us. */
function isAwaited(request: IncomingMessage): boolean {
  return !request.complete && request.readableLength === 0;
}

/** A caller whose answer has begun, as that of JSON lines does, may send as slowly as it likes. */
function cutOffTrickle(
  request: IncomingMessage,
  response: ServerResponse,
  { stallTime, fewest }: { stallTime: number; fewest: number },
): void {
  if (request.headers['transfer-encoding'] === undefined && !Number(request.headers['content-length']))
    return;
  const { socket } = request;
  let before = socket.bytesRead;
  const check = setInterval(() => {
    const bytes = socket.bytesRead - before;
    before = socket.bytesRead;
    if (request.complete || response.headersSent) clearInterval(check);
    else if (bytes < fewest && isAwaited(request)) request.destroy();
  }, stallTime).unref();
  request.once('close', () => clearInterval(check));
}

function linger(request: IncomingMessage): void {
  if (request.complete) return;
  let bytes = 0;
  request.on('data', (piece: Buffer) => {
    bytes += piece.length;
    if (bytes > lingerBytes) request.destroy();
  });
  // What paused it, a decompressor say, does not any more.
  request.unpipe();
  request.resume();
  const cutOff = setTimeout(() => request.destroy(), lingerTime).unref();
  request.once('close', () => clearTimeout(cutOff));
}
