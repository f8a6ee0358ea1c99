import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { RequestHandler } from 'express';
import type { InferenceObserver } from '../../encoders/telemetry.ts';
import { product } from '../../product.ts';

/** Asked for anew each time: the provider may be registered later than this file is read. */
const tracer = () => trace.getTracer(product.command, product.version);

/**
 * Makes a span of every request, below the caller's own where it sends `traceparent` (W3C). It says which route, not
 * what was in it. Without a provider, as when no collector is configured, it does nothing.
 */
export const traceRequests: RequestHandler = (request, response, next) => {
  const parent = propagation.extract(context.active(), request.headers);
  const span = tracer().startSpan(request.method, { kind: SpanKind.SERVER }, parent);
  response.on('close', () => {
    const route = response.locals.route ?? 'none';
    span.updateName(`${request.method} ${route}`);
    span.setAttributes({
      'http.request.method': request.method,
      'http.route': route,
      'http.response.status_code': response.statusCode,
    });
    if (response.statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  });
  context.with(trace.setSpan(parent, span), next);
};

/**
 * The same for a call over gRPC.
 * @param path of its method
 * @param headers the call's metadata
 * @returns what the work does
 */
export function traceCall<Answer extends { code: number }>(
  path: string,
  headers: Record<string, unknown>,
  work: () => Promise<Answer>,
): Promise<Answer> {
  const parent = propagation.extract(context.active(), headers);
  const span = tracer().startSpan(path.slice(1), { kind: SpanKind.SERVER }, parent);
  span.setAttribute('rpc.system', 'grpc');
  return context.with(trace.setSpan(parent, span), async () => {
    const answer = await work();
    span.setAttribute('rpc.grpc.status_code', answer.code);
    if (answer.code !== 0) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
    return answer;
  });
}

/** Makes spans of the stages of a request, within its own. */
export class StageTracer implements InferenceObserver {
  stage(stage: string, milliseconds: number): void {
    const end = Date.now();
    tracer()
      .startSpan(stage, { startTime: end - milliseconds })
      .end(end);
  }
}
