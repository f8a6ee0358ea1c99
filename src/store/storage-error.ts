import { TandemError } from '../errors.ts';

/** Codes of what keeps a store from answering, by what to say of it. */
const away = {
  'the disk is full': /^(ENOSPC|EDQUOT|53100)$/,
  'the disk cannot be written to': /^(EROFS|EACCES|EPERM|EIO)$/,
  // https://www.postgresql.org/docs/current/errcodes-appendix.html: connections, shutdown, too many connections
  'the database does not answer': /^(08...|57P0.|53300|25P03)$/,
  'the store does not answer':
    /^(ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|TimeoutError|InternalError|ServiceUnavailable|SlowDown)$/,
};
/** The same for primary result codes of SQLite (https://sqlite.org/rescode.html). */
const sqlite: Record<number, string> = {
  5: 'another process keeps the database to itself',
  8: 'the disk cannot be written to',
  10: 'the disk cannot be read or written',
  13: 'the disk is full',
  14: 'the database cannot be opened',
};
/** What node-postgres says without a code. */
const lost =
  /connection terminated|timeout exceeded when trying to connect|connection error and is not queryable/i;

/**
 * An error that says that what is stored cannot be reached or changed now, as people meet it; undefined where it says
 * something else.
 * @example throw storageError(error) ?? error;
 */
export function storageError(error: unknown): TandemError | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof TandemError) return error.code === 'storage-unavailable' ? error : undefined;
  const { code, errcode, name, message, $metadata } = error as Error & {
    code?: string;
    errcode?: number;
    $metadata?: { httpStatusCode?: number };
  };
  const found =
    errcode === undefined
      ? Object.entries(away).find(([, codes]) => codes.test(code ?? name))?.[0]
      : sqlite[errcode & 0xff];
  const isLost = lost.test(message) || ($metadata?.httpStatusCode ?? 0) >= 500;
  const what = found ?? (isLost ? 'the store does not answer' : undefined);
  if (what === undefined) return undefined;
  return new TandemError('storage-unavailable', `${what}: ${message}`, { cause: error, retryAfter: 5 });
}
