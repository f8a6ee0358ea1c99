import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { batchFlags, type Settings } from '../config.ts';
import { DatasetCatalogue } from '../datasets/catalogue.ts';
import { ImportProcesses } from '../datasets/import/import-processes.ts';
import { loadEncoders } from '../encoders/encoders.ts';
import { observeBy } from '../encoders/telemetry.ts';
import { HeadCache } from '../heads/cache.ts';
import { checkOfHeads } from '../heads/check.ts';
import { HeadEngines } from '../heads/engines.ts';
import { Predictor } from '../heads/predictor.ts';
import { HeadRegistry } from '../heads/registry/heads.ts';
import { JobQueue } from '../jobs/queue.ts';
import { byModality, type ModalityName } from '../modalities/registry.ts';
import { createApp } from '../protocols/app.ts';
import { listen } from '../protocols/http/listen.ts';
import { listenGrpc } from '../protocols/open-inference/grpc.ts';
import { LoadShedding } from '../protocols/pipeline/load-shedding.ts';
import { Metrics } from '../protocols/pipeline/metrics.ts';
import type { AppOptions } from '../protocols/pipeline/options.ts';
import { RateLimit } from '../protocols/pipeline/rate-limit.ts';
import type { FetchPicture } from '../protocols/pipeline/remote-images.ts';
import type { Services } from '../protocols/pipeline/services.ts';
import { Stopping } from '../protocols/pipeline/stopping.ts';
import { StageTracer } from '../protocols/pipeline/tracing.ts';
import { openRemote } from '../remote/open-remote.ts';
import type { EngineEvents } from '../runtime/engine-pool.ts';
import { lockData } from '../store/database/data-lock.ts';
import { ApiKeys } from '../store/keys.ts';
import { serverName } from '../store/server-name.ts';
import { storageError } from '../store/storage-error.ts';
import { openStore } from '../store/store.ts';
import { accessTo, isLoopback } from './access.ts';
import { keepClean } from './cleaning.ts';
import { dropDeletedHeads } from './deleted-heads.ts';
import { encoderOptions } from './encoder-settings.ts';
import { makeLogger } from './logger.ts';
import { servicesOf } from './services.ts';
import { shippedHeads, storeOptions } from './store-options.ts';
import { startTracing } from './tracing.ts';
import { readTuning, tuningFile } from './tuning-file.ts';

export interface RunningServer {
  /** `http://…` */
  address: string;
  /** `host:port`, where it answers gRPC as well. */
  grpc?: string;
  provider: { provider: string; reason: string };
  /** Where everything is kept, in words. */
  store: { metadata: string; artifacts: string };
  /** Engines, and the most that a batch of each modality costs. */
  batching: { engines: number; budgets: Readonly<Record<ModalityName, number>>; tuning?: string };
  services: Services;
  /**
   * Stops: jobs are handed over, open requests are answered, then all is closed.
   * @param drainDelay milliseconds for which new requests are still taken, while the server says that it is not ready
   */
  close(drainDelay?: number): Promise<void>;
}

/**
 * Starts all of a server. Where one part fails to start, those before it are closed.
 * @throws TandemError of whatever cannot be opened, started or listened on
 */
export async function startServer(chosen: Settings): Promise<RunningServer> {
  await using started = new AsyncDisposableStack();
  const uploads = path.join(chosen.data, 'uploads');
  started.defer(await lockData(chosen.data));
  const store = started.use(await openStore(storeOptions(chosen)));
  const access = await accessTo(chosen, new ApiKeys(store.database));
  const logger = makeLogger(chosen['log-level']);
  await emptyFolder(uploads).catch((error) => {
    // On a disk that cannot be written to predictions are answered all the same.
    if (!storageError(error)) throw error;
    logger.warn({ err: error }, 'uploads are refused for now');
  });
  const outage = store.database.outage();
  if (outage) logger.warn({ err: outage }, 'changes are refused until the disk can be written to');
  const metrics = new Metrics();
  const stopTracing = await startTracing((reason) =>
    logger.warn({ reason }, 'traces cannot be sent to the collector; this is said once'),
  );
  started.defer(() =>
    stopTracing?.().catch((error) => logger.warn({ err: error }, 'the last traces are lost')),
  );
  const events: EngineEvents = {
    onLoss(error) {
      metrics.engineLost();
      logger.error({ err: error }, 'an engine is replaced');
    },
    onOutOfMemory(error) {
      metrics.ranOutOfMemory();
      logger.warn({ err: error }, 'no memory for a batch: it is tried in halves, or answered with 503');
    },
  };
  const asked = encoderOptions(chosen);
  const tuning = await readTuning(chosen.data, asked);
  const tuned = (value: number | 'auto', measured: number | undefined) =>
    value === 'auto' ? (measured ?? value) : value;
  const encoders = await loadEncoders({ ...asked, engines: tuned(asked.engines, tuning?.engines) }, events);
  started.defer(() => encoders.close());
  const { provider } = encoders.provider;
  const headEngines = started.use(new HeadEngines({ provider, timeout: chosen['head-timeout'], ...events }));
  const predictor = new Predictor(encoders, {
    budgets: byModality(({ name }) => tuned(chosen[batchFlags[name]], tuning?.budgets[name])),
    maximumQueue: chosen['max-queue'],
    maximumWait: chosen['max-wait'],
    memoryBytes: chosen.memory * 2 ** 20,
    observer: stopTracing ? observeBy(metrics, new StageTracer()) : metrics,
  });
  const registry = new HeadRegistry(store, shippedHeads(chosen));
  const catalogue = new DatasetCatalogue(store);
  const imports = new ImportProcesses(store, uploads, {
    memory: chosen['import-memory'],
    timeout: chosen['import-timeout'] * 1000,
  });
  started.defer(() => imports.close());
  const cache = new HeadCache(
    (version) => headEngines.loaderOf(version),
    encoders.fingerprints,
    chosen['head-memory'] * 2 ** 20,
  );
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
    encoders: byModality(({ name }) => identityOf(encoders.byModality[name])),
    runner: await serverName(chosen.data),
    atOnce: chosen['jobs-at-once'],
    maximumQueue: chosen['max-jobs'],
    mostCrashes: chosen['max-job-crashes'],
    onError: (error) => logger.error({ err: error }, 'a job could not be looked after'),
  });
  // What takes work ends side by side: each waits for what it has taken.
  const takers: { close(): Promise<void> }[] = [jobs];
  started.defer(async () => void (await Promise.all(takers.map((taker) => taker.close()))));
  const headCheck = checkOfHeads(cache, () => registry.open(chosen['default-head']).catch(() => undefined));
  await Promise.all([
    predictor.check(),
    headCheck.check(AbortSignal.timeout(chosen['head-timeout'])).catch((error) => {
      logger.error({ err: error }, 'the heads do not answer');
    }),
  ]);
  started.defer(
    keepClean([registry, catalogue], logger, (work) => store.database.ifNobodyElse('cleaning', work)),
  );

  started.defer(
    dropDeletedHeads(registry, cache, (error) =>
      logger.warn({ err: error }, 'copies of deleted heads are still there'),
    ),
  );

  const services = servicesOf(
    { encoders, predictor, registry, cache, headCheck, catalogue, imports, jobs, logger },
    chosen,
    uploads,
  );
  const maximumDelay = chosen['max-loop-delay'];
  const loadShedding =
    maximumDelay > 0 ? new LoadShedding({ maximumDelay, onShed: () => metrics.shed() }) : undefined;
  started.defer(() => loadShedding?.close());
  const stopping = new Stopping();
  const appOptions: AppOptions = {
    logger,
    metrics,
    loadShedding,
    traced: stopTracing !== undefined,
    access,
    stopping,
    thisMachineAlone: chosen.anonymous !== 'everyone' && (await isLoopback(chosen.host)),
    defaultHead: chosen['default-head'],
    uploadFolder: uploads,
    requestTimeout: chosen['request-timeout'],
    ...(chosen['fetch-urls'] === 'on' && { fetchPicture: pictureFetcher(chosen) }),
    ...(chosen['rate-limit'] > 0 && { rateLimit: new RateLimit(chosen['rate-limit'], access) }),
    maximumRequestBytes: chosen['max-request'] * 2 ** 20,
    maximumUploadBytes: chosen['max-upload'] * 2 ** 20,
  };
  await services
    .head(appOptions.defaultHead)
    .catch((error) =>
      logger.warn(`requests that name no head are refused (--default-head): ${error.message}`),
    );
  const { host, port, 'grpc-port': grpcPort } = chosen;
  const server = await listen(createApp(services, appOptions), { host, port });
  takers.push(server);
  const grpc =
    grpcPort === 'off' ? undefined : await listenGrpc(services, appOptions, { host, port: grpcPort });
  if (grpc) takers.push(grpc);
  started.defer(() => stopping.close());
  const running = started.move();
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
    async close(drainDelay = 0) {
      stopping.drain();
      // What it trains goes on elsewhere the sooner; what fails of it fails again in the end, and is told then.
      void jobs.handOver().catch(() => {});
      await setTimeout(drainDelay);
      await running.disposeAsync();
    },
  };
}

/** What is left of uploads was never acknowledged: it came in while an earlier server ended. */
async function emptyFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder))
    await rm(path.join(folder, name), { recursive: true, force: true });
}

function pictureFetcher(chosen: Settings): FetchPicture {
  const limits = { maximumBytes: chosen['max-request'] * 2 ** 20, timeout: chosen['request-timeout'] };
  return async (address, signal) => buffer((await openRemote(address, { ...limits, signal })).body);
}

function identityOf({ id, fingerprint }: { id: string; fingerprint: string }) {
  return { id, fingerprint };
}
