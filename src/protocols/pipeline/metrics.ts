import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { InferenceObserver, NamedEncoder } from '../../encoders/telemetry.ts';
import type { Job } from '../../jobs/job.ts';
import { product } from '../../product.ts';

/** How things stand at the moment of asking. */
export interface Standing {
  /** Items that wait for each encoder. */
  waiting: (NamedEncoder & { items: number })[];
  /** Bytes of features that are remembered. */
  rememberedBytes: number;
  /** Bytes of the weights of encoders that are loaded, on all engines. */
  encoderBytes: number;
  loaded: { heads: number; bytes: number };
}

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * What the server counts, for Prometheus. Labels are names of heads, routes and outcomes, never content.
 * @example
 * const metrics = new Metrics();
 * metrics.predicted('pets', 3, 'ok');
 * await metrics.text(); // '# HELP tandem_predictions_total …'
 */
export class Metrics implements InferenceObserver {
  readonly #registry = new Registry();
  readonly #requests: Histogram<'method' | 'route' | 'status'>;
  readonly #calls: Histogram<'method' | 'code'>;
  readonly #predictions: Counter<'head' | 'version' | 'outcome'>;
  readonly #stages: Histogram<'stage'>;
  readonly #batches: Histogram<'modality' | 'encoder'>;
  readonly #lookups: Counter<'modality' | 'encoder' | 'result'>;
  readonly #loads = this.#encoderCounter('encoder_loads_total', 'How often an encoder was loaded.');
  readonly #evictions = this.#encoderCounter(
    'encoder_evictions_total',
    'How often an encoder was evicted because others needed its memory.',
  );
  readonly #engineLosses: Counter;
  readonly #memoryFailures: Counter;
  readonly #shed: Counter;
  readonly #jobs: Counter<'kind' | 'state'>;
  readonly #jobSeconds: Histogram<'kind' | 'state'>;

  constructor() {
    const common = { registers: [this.#registry] };
    const named = (name: string) => `${product.command}_${name}`;
    this.#requests = new Histogram({
      ...common,
      name: named('http_request_seconds'),
      help: 'Time from a request’s head to the end of its answer.',
      labelNames: ['method', 'route', 'status'],
      buckets: seconds,
    });
    this.#calls = new Histogram({
      ...common,
      name: named('grpc_call_seconds'),
      help: 'Time that calls over gRPC take, by method and gRPC’s own code.',
      labelNames: ['method', 'code'],
      buckets: seconds,
    });
    this.#predictions = new Counter({
      ...common,
      name: named('predictions_total'),
      help: 'Items that were classified, by head and outcome: ok, or the code of the problem.',
      labelNames: ['head', 'version', 'outcome'],
    });
    this.#stages = new Histogram({
      ...common,
      name: named('stage_seconds'),
      help: 'Time that items spend decoding, tokenizing, waiting, in an encoder and in a head.',
      labelNames: ['stage'],
      buckets: seconds,
    });
    this.#batches = new Histogram({
      ...common,
      name: named('batch_items'),
      help: 'Items of a batch that an encoder was given.',
      labelNames: ['modality', 'encoder'],
      buckets: [1, 2, 4, 8, 16, 32, 64, 128],
    });
    this.#lookups = new Counter({
      ...common,
      name: named('memory_lookups_total'),
      help: 'Items whose features were remembered (hit) or not (miss).',
      labelNames: ['modality', 'encoder', 'result'],
    });
    this.#engineLosses = new Counter({
      ...common,
      name: named('engine_losses_total'),
      help: 'Engines that ended by themselves, or held on to memory, and were replaced.',
    });
    this.#memoryFailures = new Counter({
      ...common,
      name: named('out_of_memory_total'),
      help: 'Runs that found no memory on the device or the machine.',
    });
    this.#shed = new Counter({
      ...common,
      name: named('shed_requests_total'),
      help: 'Requests that were refused because the event loop was late.',
    });
    this.#jobs = new Counter({
      ...common,
      name: named('jobs_total'),
      help: 'States that jobs reached by what this server did: each queued, running, cancelling, succeeded, failed, cancelled.',
      labelNames: ['kind', 'state'],
    });
    this.#jobSeconds = new Histogram({
      ...common,
      name: named('job_seconds'),
      help: 'Time from a job’s start to its end, by how it ended.',
      labelNames: ['kind', 'state'],
      buckets: [1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400],
    });
    collectDefaultMetrics({ register: this.#registry });
  }

  #encoderCounter(name: string, help: string): Counter<'modality' | 'encoder'> {
    return new Counter({
      name: `${product.command}_${name}`,
      help,
      labelNames: ['modality', 'encoder'],
      registers: [this.#registry],
    });
  }

  /** Shows how things stand, whenever somebody asks. */
  watch(provider: string, standing: () => Standing): void {
    const gauge = <Label extends string>(
      name: string,
      help: string,
      labelNames: Label[],
      collect: (this: Gauge<Label>) => void,
    ) =>
      new Gauge({
        name: `${product.command}_${name}`,
        help,
        labelNames,
        registers: [this.#registry],
        collect,
      });
    gauge('queue_items', 'Items that wait for their encoder.', ['modality', 'encoder'], function () {
      for (const { modality, id, items } of standing().waiting) this.set({ modality, encoder: id }, items);
    });
    gauge(
      'loaded_encoder_bytes',
      'Bytes of the weights of loaded encoders, on all engines.',
      [],
      function () {
        this.set(standing().encoderBytes);
      },
    );
    gauge('memory_bytes', 'Bytes of remembered features.', [], function () {
      this.set(standing().rememberedBytes);
    });
    gauge('loaded_heads', 'Heads that are loaded.', [], function () {
      this.set(standing().loaded.heads);
    });
    gauge('loaded_head_bytes', 'Bytes of the weights of loaded heads.', [], function () {
      this.set(standing().loaded.bytes);
    });
    gauge('info', 'Version and execution provider.', ['version', 'provider'], function () {
      this.set({ version: product.version, provider }, 1);
    });
  }

  /** @param route the pattern of its path, `/v1/heads/{name}` */
  requested(method: string, route: string, status: number, milliseconds: number): void {
    this.#requests.observe({ method, route, status: String(status) }, milliseconds / 1000);
  }

  /** A call over gRPC. */
  called(method: string, code: string, milliseconds: number): void {
    this.#calls.observe({ method, code }, milliseconds / 1000);
  }

  /** @param outcome `ok`, or the code of the problem */
  predicted(head: string, version: number, outcome: string, items = 1): void {
    this.#predictions.inc({ head, version: String(version), outcome }, items);
  }

  stage(stage: string, milliseconds: number): void {
    this.#stages.observe({ stage }, milliseconds / 1000);
  }

  batch({ modality, id: encoder }: NamedEncoder, items: number): void {
    this.#batches.observe({ modality, encoder }, items);
  }

  lookup({ modality, id: encoder }: NamedEncoder, hit: boolean): void {
    this.#lookups.inc({ modality, encoder, result: hit ? 'hit' : 'miss' });
  }

  onLoad({ modality, id: encoder }: NamedEncoder): void {
    this.#loads.inc({ modality, encoder });
  }

  onEvict({ modality, id: encoder }: NamedEncoder): void {
    this.#evictions.inc({ modality, encoder });
  }

  engineLost(): void {
    this.#engineLosses.inc();
  }

  ranOutOfMemory(): void {
    this.#memoryFailures.inc();
  }

  /** A request was refused because the event loop was late. */
  shed(): void {
    this.#shed.inc();
  }

  /** A job has reached a state. */
  job({ kind, state, startedAt, finishedAt }: Job): void {
    this.#jobs.inc({ kind, state });
    if (startedAt !== undefined && finishedAt !== undefined)
      this.#jobSeconds.observe({ kind, state }, (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000);
  }

  /** In Prometheus's text format, whose content type is {@link contentType}. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }
}
