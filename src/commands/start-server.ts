import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { LRUCache } from 'lru-cache';
import { pino } from 'pino';
import type { Settings } from '../config.ts';
import { loadEncoders } from '../inference/encoders.ts';
import { parseHeadManifest } from '../inference/head.ts';
import { HeadCache } from '../inference/head-cache.ts';
import { Predictor } from '../inference/predictor.ts';
import { observeBy } from '../inference/telemetry.ts';
import { JobQueue } from '../jobs/queue.ts';
import { openRemote } from '../remote/open-remote.ts';
import { EnginePool } from '../runtime/engine-pool.ts';
import { createApp } from '../server/app.ts';
import { listen } from '../server/listen.ts';
import { Metrics } from '../server/metrics.ts';
import { listenGrpc } from '../server/open-inference/grpc.ts';
import type { AppOptions } from '../server/options.ts';
import type { FetchPicture } from '../server/predictions/remote-pictures.ts';
import type { HeadSummary, Services } from '../server/services.ts';
import { StageTracer } from '../server/tracing.ts';
import { lockData } from '../store/data-lock.ts';
import type { RegisteredHead } from '../store/head-reading.ts';
import { HeadRegistry } from '../store/heads.ts';
import { ApiKeys } from '../store/keys.ts';
import { serverName } from '../store/server-name.ts';
import { openStore } from '../store/store.ts';
import { DatasetCatalogue } from '../training/dataset/catalogue.ts';
import { accessTo } from './access.ts';
import { datasetServices } from './dataset-services.ts';
import { encoderOptions } from './options.ts';
import { shippedHeads, storeOptions } from './store.ts';
import { startTracing } from './tracing.ts';
import { readTuning, tuningFile } from './tuning-file.ts';
import { versionServices } from './version-services.ts';

/** How long `ready` trusts the last inference, in milliseconds. */
const freshness = 10_000;
/** How long the inference that proves readiness may take, in milliseconds. */
const checkTimeout = 5_000;
/** Milliseconds between two looks for what crashes and failures have left. */
const cleaningInterval = 24 * 3_600_000;

export interface RunningServer {
  /** `http://…` */
  address: string;
  /** `host:port`, where it answers gRPC as well. */
  grpc?: string;
  provider: { provider: string; reason: string };
  /** Where everything is kept, in words. */
  store: { metadata: string; artifacts: string };
  /** Engines, and most pixels and tokens of their batches. */
  batching: { engines: number; budgets: { image: number; text: number }; tuning?: string };
  services: Services;
  close(): Promise<void>;
}

export async function startServer(chosen: Settings): Promise<RunningServer> {
  const uploads = path.join(chosen.data, 'uploads');
  const unlock = await lockData(chosen.data);
  const store = await openStore(storeOptions(chosen)).catch((error) => {
    unlock();
    throw error;
  });
  const closeStore = () => store.close().finally(unlock);
  const access = await accessTo(chosen, new ApiKeys(store.database)).catch(async (error) => {
    await closeStore();
    throw error;
  });
  // What is left here was never acknowledged: it came in while an earlier server ended.
  await rm(uploads, { recursive: true, force: true });
  await mkdir(uploads, { recursive: true });
  const logger = pino({ level: chosen['log-level'] }, pino.destination(2));
  const metrics = new Metrics();
  const stopTracing = await startTracing();
  const onLoss = (error: Error) => {
    metrics.engineLost();
    logger.error({ err: error }, 'an engine is replaced');
  };
  const asked = encoderOptions(chosen);
  const tuning = await readTuning(chosen.data, asked);
  const tuned = (value: number | 'auto', measured: number | undefined) =>
    value === 'auto' ? (measured ?? value) : value;
  const encoders = await loadEncoders({ ...asked, engines: tuned(asked.engines, tuning?.engines) }, onLoss);
  const { provider } = encoders.provider;
  const headEngine = EnginePool.start({ engines: 1, provider, threads: 1, onLoss });
  const predictor = new Predictor(encoders, {
    budgets: {
      image: tuned(chosen['max-batch-pixels'], tuning?.budgets.image),
      text: tuned(chosen['max-batch-tokens'], tuning?.budgets.text),
    },
    maximumQueue: chosen['max-queue'],
    maximumWait: chosen['max-wait'],
    memoryBytes: chosen.memory * 2 ** 20,
    observer: stopTracing ? observeBy(metrics, new StageTracer()) : metrics,
  });
  const registry = new HeadRegistry(store, shippedHeads(chosen));
  const catalogue = new DatasetCatalogue(store);
  const cache = new HeadCache(headEngine, encoders.fingerprints, chosen['head-memory'] * 2 ** 20);
  metrics.watch(provider, () => ({
    waiting: predictor.waiting,
    rememberedBytes: predictor.rememberedBytes,
    loaded: cache.loaded,
  }));
  const jobs = await JobQueue.open({
    store,
    registry,
    place: {
      encoders: asked,
      shippedHeads: shippedHeads(chosen),
      datasets: path.join(chosen.data, 'datasets'),
    },
    runner: await serverName(chosen.data),
    atOnce: chosen['jobs-at-once'],
    maximumQueue: chosen['max-jobs'],
    onError: (error) => logger.error({ err: error }, 'a job could not be looked after'),
  });
  await predictor.check();
  const clean = () => {
    for (const owner of [registry, catalogue])
      void owner.clean().catch((error) => logger.warn({ err: error }, 'what a crash left is still there'));
  };
  clean();
  const cleaning = setInterval(clean, cleaningInterval).unref();

  // A version never changes: its manifest is read once, not for every request that asks what it says.
  const summaries = new LRUCache<string, HeadSummary>({ max: 10_000 });
  const summaryOf = (head: RegisteredHead) => {
    const key = `${head.name}@${head.version}`;
    const summary = summaries.get(key) ?? summarize(head);
    summaries.set(key, summary);
    return summary;
  };
  const services: Services = {
    async predict(inputs, { head: reference, topK, signal }) {
      const { name, version, folder } = await registry.open(reference);
      const results = await cache.use(folder, (head) => predictor.predict(head, inputs, { topK, signal }));
      return { head: { name, version }, results };
    },
    embed: (inputs, signal) => predictor.embed(inputs, signal),
    encoders: { image: encoders.image.id, text: encoders.text.id },
    head: async (reference) => summaryOf(await registry.resolve(reference)),
    heads: async () => (await registry.latest()).map(summaryOf),
    versions: versionServices(registry, {
      fingerprints: encoders.fingerprints,
      loader: headEngine,
      workspace: uploads,
    }),
    datasets: datasetServices({
      catalogue,
      data: chosen.data,
      workspace: uploads,
      fetchUrls: chosen['fetch-urls'] === 'on',
      maximumBytes: chosen['max-upload'] * 2 ** 20,
      jobs: () => jobs.list(),
    }),
    jobs,
    async ready() {
      if (performance.now() - predictor.lastSuccess < freshness) return true;
      return predictor.check(AbortSignal.timeout(checkTimeout)).then(
        () => true,
        (error) => {
          logger.error({ err: error }, 'the encoders do not answer');
          return false;
        },
      );
    },
    provider,
  };
  const appOptions: AppOptions = {
    logger,
    metrics,
    traced: stopTracing !== undefined,
    access,
    defaultHead: chosen['default-head'],
    uploadFolder: uploads,
    requestTimeout: chosen['request-timeout'],
    ...(chosen['fetch-urls'] === 'on' && { fetchPicture: pictureFetcher(chosen) }),
    requestsPerMinute: chosen['rate-limit'],
    maximumRequestBytes: chosen['max-request'] * 2 ** 20,
    maximumUploadBytes: chosen['max-upload'] * 2 ** 20,
  };
  const closeEngines = () => Promise.all([headEngine.close(), encoders.close()]);
  const listening = async () => {
    const server = await listen(createApp(services, appOptions), { host: chosen.host, port: chosen.port });
    const port = chosen['grpc-port'];
    if (port === 'off') return { server, grpc: undefined };
    const grpc = await listenGrpc(services, appOptions, { host: chosen.host, port }).catch(async (error) => {
      await server.close();
      throw error;
    });
    return { server, grpc };
  };
  const { server, grpc } = await listening().catch(async (error) => {
    await jobs.close();
    await Promise.all([closeEngines(), closeStore()]);
    throw error;
  });
  return {
    address: server.address,
    grpc: grpc?.address,
    provider: encoders.provider,
    store: store.places,
    batching: {
      engines: encoders.engines,
      budgets: predictor.budgets,
      ...(tuning && { tuning: tuningFile(chosen.data) }),
    },
    services,
    async close() {
      clearInterval(cleaning);
      await Promise.all([server.close(), grpc?.close(), jobs.close()]);
      await closeStore();
      await closeEngines();
      await stopTracing?.().catch((error) => logger.warn({ err: error }, 'the last traces are lost'));
    },
  };
}

function pictureFetcher(chosen: Settings): FetchPicture {
  const limits = { maximumBytes: chosen['max-request'] * 2 ** 20, timeout: chosen['request-timeout'] };
  return async (address, signal) => buffer((await openRemote(address, { ...limits, signal })).body);
}

function summarize({ name, version, manifest }: RegisteredHead): HeadSummary {
  const { target, labels, encoders, createdAt, metrics } = parseHeadManifest(manifest, `${name}@${version}`);
  return {
    name,
    version,
    target,
    labels,
    modalities: encoders.map(({ modality }) => modality),
    createdAt,
    metrics,
  };
}
