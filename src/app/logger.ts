import { type DestinationStream, type Logger, pino } from 'pino';

/**
 * The log: one JSON object a line, on stderr. Of an error it has the type, code, message and stack alone: libraries hang
 * whole connections, requests and responses on their errors.
 * @example const logger = makeLogger('warn');
 */
export function makeLogger(level: string, destination: DestinationStream = pino.destination(2)): Logger {
  return pino({ level, serializers: { err: describeError } }, destination);
}

function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { type, stack, code, aggregateErrors } = pino.stdSerializers.err(error);
  // pino's message has those of its causes in it, which the stack has too.
  return {
    type,
    code,
    message: error.message,
    stack,
    causes: aggregateErrors?.map((one: Error) => one.message),
  };
}
