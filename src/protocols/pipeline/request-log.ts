import { randomUUID } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import { keyName } from './access.ts';
import type { Metrics } from './metrics.ts';

const header = 'X-Request-Id';
/** A caller's own id is kept where it can do no harm in a log. */
const harmlessId = /^[\w.:-]{1,128}$/;

/** The caller's own id of a request, where there is a harmless one; else a new one. */
export function requestIdFrom(given: string | undefined): string {
  return given && harmlessId.test(given) ? given : randomUUID();
}

/** One line for each request: which, whose (the key's name), how it ended and how long it took. Never what was in it. */
export class RequestLog {
  readonly #logger: Logger;
  readonly #metrics: Metrics | undefined;

  constructor(logger: Logger, metrics?: Metrics) {
    this.#logger = logger;
    this.#metrics = metrics;
  }

  readonly middleware: RequestHandler = (request, response, next) => {
    response.set(header, requestIdFrom(request.get(header)));
    const started = performance.now();
    response.on('close', () => {
      const milliseconds = Math.round(performance.now() - started);
      const { method, path } = request;
      const status = response.writableFinished ? response.statusCode : 499;
      this.#metrics?.requested(method, response.locals.route ?? 'none', status, performance.now() - started);
      const key = keyName(response);
      const line = { id: requestIdOf(response), method, path, status, milliseconds, ...(key && { key }) };
      this.#logger.info(line, 'request');
    });
    next();
  };

  /** An error that the operator must know of: one that is nobody's fault but ours, unless it says what else. */
  failed({ method, path, res }: Request, error: unknown, what = 'unexpected error'): void {
    this.#logger.error({ id: res && requestIdOf(res), method, path, err: error }, what);
  }
}

export function requestIdOf(response: Response): string {
  return String(response.get(header));
}
