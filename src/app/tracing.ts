import { DiagLogLevel, diag } from '@opentelemetry/api';
import { withTimeLimit } from '../cancellation.ts';
import { product } from '../product.ts';

/** Milliseconds that a stop waits for the collector. */
const longestFlush = 1000;

/**
 * Sends traces to a collector, by OTLP over HTTP, where OpenTelemetry's own environment variables name one
 * (`OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`). Its libraries are loaded only then.
 * @param onProblem hears once that spans cannot be sent, and why
 * @returns what sends the last spans, and throws where that takes more than a second; undefined where no collector is named
 */
export async function startTracing(
  onProblem: (reason: string) => void,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<(() => Promise<void>) | undefined> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: all, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces } = environment;
  if (!all && !traces) return undefined;
  const [{ BatchSpanProcessor, NodeTracerProvider }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ]);
  // The name by which collectors group; OpenTelemetry's own variable has the last word.
  environment.OTEL_SERVICE_NAME ??= product.command;
  const { detectResources, envDetector } = await import('@opentelemetry/resources');
  const provider = new NodeTracerProvider({
    resource: detectResources({ detectors: [envDetector] }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  provider.register();
  let isTold = false;
  const tell = (reason: string) => {
    if (!isTold) onProblem(reason);
    isTold = true;
  };
  const ignore = () => {};
  diag.setLogger(
    { error: tell, warn: tell, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  const late = () => new Error(`the collector did not take them within ${longestFlush} ms`);
  return () => withTimeLimit({ milliseconds: longestFlush, late }, () => provider.shutdown());
}
