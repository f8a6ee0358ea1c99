import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { json } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { main, startServer } from './server.ts';

interface Span {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  attributes: { key: string; value: { stringValue?: string; intValue?: number } }[];
}

/** What a collector of OpenTelemetry would receive. */
async function startCollector() {
  const spans: Span[] = [];
  const services: unknown[] = [];
  const server = createServer(async (request, response) => {
    // biome-ignore lint/suspicious/noExplicitAny: it is what comes over the wire
    const { resourceSpans } = (await json(request)) as any;
    for (const { resource, scopeSpans } of resourceSpans) {
      services.push(...resource.attributes);
      for (const scope of scopeSpans) spans.push(...scope.spans);
    }
    response.setHeader('Content-Type', 'application/json').end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => new Promise((resolve) => server.close(resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { spans, services, endpoint: `http://127.0.0.1:${port}`, close };
}

it('sends a span for each request to the collector, below the caller’s, with its stages and no content', async () => {
  const { spans, services, endpoint } = await startCollector();
  const data = await mkdtemp(path.join(tmpdir(), 'tracing-'));
  onTestFinished(() => rm(data, { recursive: true, force: true }));
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = endpoint;
  onTestFinished(() => void delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT);
  const server = await startServer(data);
  const [traceId, caller] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
  await fetch(`${server.address}/v1/predict`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', traceparent: `00-${traceId}-${caller}-01` },
    body: JSON.stringify({ head: 'emoji', inputs: [{ text: 'a secret slice of pizza' }] }),
  });
  expect(await server.stop()).toBe(0);
  const request = spans.find(({ name }) => name === 'POST /v1/predict')!;
  expect(request).toMatchObject({ traceId, parentSpanId: caller });
  expect(request.attributes).toContainEqual({
    key: 'http.response.status_code',
    value: { intValue: 200 },
  });
  const stages = spans.filter(({ parentSpanId }) => parentSpanId === request.spanId);
  expect(stages.map(({ name }) => name).sort()).toEqual(['encode', 'head', 'queue', 'tokenize']);
  expect(services).toContainEqual({ key: 'service.name', value: { stringValue: 'tandem' } });
  expect(JSON.stringify(spans)).not.toMatch(/secret|pizza/);
});

it('says once where the collector is away, and stops without waiting for it', async () => {
  const data = await mkdtemp(path.join(tmpdir(), 'tracing-'));
  onTestFinished(() => rm(data, { recursive: true, force: true }));
  const { endpoint, close } = await startCollector();
  await close();
  const command = [main, 'serve', '--json', '--port', '0', '--data', data, '--log-level', 'warn'];
  const env = {
    ...process.env,
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_BSP_SCHEDULE_DELAY: '50',
    OTEL_BSP_EXPORT_TIMEOUT: '200',
    OTEL_EXPORTER_OTLP_TIMEOUT: '200',
  };
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'], env });
  onTestFinished(() => void child.kill('SIGKILL'));
  let [out, log] = ['', ''];
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (log += chunk));
  await expect.poll(() => out).toMatch(/^}$/m);
  const { address } = JSON.parse(out);
  const ask = () => fetch(`${address}/healthz`);
  await ask();
  await expect.poll(() => log).toContain('traces cannot be sent');
  await ask();
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect((await ended)[0]).toBe(0);
  expect(log.match(/traces cannot be sent/g)).toHaveLength(1);
});
