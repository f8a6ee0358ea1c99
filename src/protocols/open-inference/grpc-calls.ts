import { type handleUnaryCall, Metadata, type ServerUnaryCall, status } from '@grpc/grpc-js';
import { z } from 'zod';
import { errorTable, TandemError } from '../../errors.ts';
import { storageError } from '../../store/storage-error.ts';
import { clipped } from '../http/problems.ts';
import { type Access, checkScope, openAccess } from '../pipeline/access.ts';
import { callerLeft, withDeadline } from '../pipeline/deadline.ts';
import { describeFields } from '../pipeline/field-errors.ts';
import type { AppOptions } from '../pipeline/options.ts';
import { checkOtherMachine } from '../pipeline/other-machines.ts';
import { requestIdFrom } from '../pipeline/request-log.ts';
import { traceCall } from '../pipeline/tracing.ts';

/** How gRPC names what HTTP has a status for. */
const codes: Record<number, status> = {
  400: status.INVALID_ARGUMENT,
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  404: status.NOT_FOUND,
  409: status.FAILED_PRECONDITION,
  413: status.INVALID_ARGUMENT,
  422: status.INVALID_ARGUMENT,
  429: status.RESOURCE_EXHAUSTED,
  503: status.UNAVAILABLE,
  504: status.DEADLINE_EXCEEDED,
};

type Handler = handleUnaryCall<object, object>;
/** A message as it came, decoded once the caller may ask. */
export interface Undecoded<Call> {
  decode(): Call;
}
type Work<Call> = (call: Call, signal: AbortSignal) => Promise<object>;

/**
 * What stands around every call over gRPC, as it does around every request over HTTP: the key, the rate limit, the time
 * that it may take, a line in the log, metrics, and a span where traces are on.
 * @example
 * const calls = new GrpcCalls(options);
 * server.addService(service, { ServerLive: calls.open(async () => ({ live: true })), ModelInfer: calls.guarded(infer) });
 */
export class GrpcCalls {
  readonly #options: AppOptions;
  readonly #access: Access;

  constructor(options: AppOptions) {
    this.#options = options;
    this.#access = options.access ?? openAccess;
  }

  /** Answers callers with a key, in the metadata `authorization`, that may predict. */
  guarded<Call>(work: Work<Call>): Handler {
    return this.#answering<Call>(async (given, signal, call) => {
      this.#options.loadShedding?.check();
      const [authorization] = call.metadata.get('authorization').map(String);
      await this.#options.rateLimit?.count(authorization, addressOf(call.getPeer()));
      if (this.#options.thisMachineAlone)
        await checkOtherMachine(Object.keys(call.metadata.getMap()), authorization, this.#access);
      await checkScope(authorization, 'predict', this.#access);
      return work(given.decode(), signal);
    });
  }

  /** Answers everybody. */
  open<Call>(work: Work<Call>): Handler {
    return this.#answering<Call>(async (given, signal) => work(given.decode(), signal));
  }

  #answering<Call>(
    work: (
      given: Undecoded<Call>,
      signal: AbortSignal,
      unary: ServerUnaryCall<object, object>,
    ) => Promise<object>,
  ): Handler {
    return (call, done) => {
      const started = performance.now();
      const [given] = call.metadata.get('x-request-id').map(String);
      const id = requestIdFrom(given);
      const headers = new Metadata();
      headers.set('x-request-id', id);
      call.sendMetadata(headers);
      const answer = () =>
        withDeadline(departureOf(call), this.#options.requestTimeout, (signal) =>
          work(call.request as Undecoded<Call>, signal, call),
        ).then(
          (value) => ({ code: status.OK, respond: () => done(null, value) }),
          (error) => {
            const failure = this.#failureOf(error, id, call.getPath());
            return { code: failure.code, respond: () => done(failure) };
          },
        );
      const asked = this.#options.traced
        ? traceCall(call.getPath(), call.metadata.getMap(), answer)
        : answer();
      void asked.then(({ code, respond }) => {
        respond();
        const milliseconds = performance.now() - started;
        const [method, name] = [call.getPath(), status[call.cancelled ? status.CANCELLED : code]];
        this.#options.metrics?.called(method, name, milliseconds);
        const line = {
          id,
          method: 'gRPC',
          path: method,
          status: name,
          milliseconds: Math.round(milliseconds),
        };
        this.#options.logger.info(line, 'request');
      });
    };
  }

  /** What is thrown as gRPC's kind of error; with when to try again, where that is known (gRPC's retry pushback). */
  #failureOf(error: unknown, id: string, path: string) {
    const known = error instanceof z.ZodError ? describeFields(error) : knownError(error);
    const { title, status: httpStatus } = errorTable[known?.code ?? 'internal'];
    if (httpStatus === 500) this.#options.logger.error({ id, err: error, path }, 'unexpected error');
    else if (known?.code === 'storage-unavailable')
      this.#options.logger.error({ id, err: error, path }, title);
    const metadata = new Metadata();
    if (known?.retryAfter !== undefined)
      metadata.set('grpc-retry-pushback-ms', String(Math.max(1, Math.ceil(1000 * known.retryAfter))));
    return {
      code: codes[httpStatus] ?? status.INTERNAL,
      details: known ? `${title}: ${clipped(known.message)}. ${known.fix}` : title,
      metadata,
    };
  }
}

function knownError(error: unknown): TandemError | undefined {
  return error instanceof TandemError ? error : storageError(error);
}

/** @example addressOf('127.0.0.1:50214') // '127.0.0.1' */
function addressOf(peer: string): string {
  return peer.replace(/:\d+$/, '');
}

/** A signal that aborts when a caller leaves. */
function departureOf(call: ServerUnaryCall<object, object>): AbortSignal {
  const left = new AbortController();
  call.on('cancelled', () => left.abort(callerLeft()));
  return left.signal;
}
