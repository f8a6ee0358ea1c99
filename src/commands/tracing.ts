import { product } from '../product.ts';

/**
 * Sends traces to a collector, by OTLP over HTTP, where OpenTelemetry's own environment variables name one
 * (`OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`). Its libraries are loaded only then.
 * @returns what sends the last spans; undefined where no collector is named
 */
export async function startTracing(
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
  return () => provider.shutdown();
}
