import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Settings } from '../config.ts';
import { ImportProcesses } from '../datasets/import/import-processes.ts';
import { EncoderAdditions } from '../encoders/hub/additions.ts';
import { LoadShedding } from '../protocols/pipeline/load-shedding.ts';
import { Metrics } from '../protocols/pipeline/metrics.ts';
import type { AppOptions } from '../protocols/pipeline/options.ts';
import type { FetchImage } from '../protocols/pipeline/remote-images.ts';
import type { Services } from '../protocols/pipeline/services.ts';
import { StageTracer } from '../protocols/pipeline/tracing.ts';
import { openRemote } from '../remote/open-remote.ts';
import { storageError } from '../store/storage-error.ts';
import { keepClean } from './cleaning.ts';
import type { Context } from './context.ts';
import { dropDeletedHeads } from './deleted-heads.ts';
import { servicesOf } from './services.ts';
import { startTracing } from './tracing.ts';

/** What every application of a Tandem shares, wherever it listens. */
export interface Serving {
  services: Services;
  options: AppOptions;
}

/**
 * Opens all that serving takes, and starts what goes on in the background: jobs, cleaning, metrics and traces.
 * @throws TandemError `data-in-use` where another process serves the data folder; whatever cannot be opened
 */
export async function openServing(context: Context, closing: AsyncDisposableStack): Promise<Serving> {
  const { settings } = context;
  const workspace = path.join(settings.data, 'uploads');
  await context.lock();
  await prepareStore(context, workspace);
  const { metrics, traced } = await observe(context, closing);
  const imports = new ImportProcesses(await context.store(), workspace, {
    memory: settings['import-memory'],
    timeout: settings['import-timeout'] * 1000,
  });
  closing.defer(() => imports.close());
  const additions = new EncoderAdditions();
  closing.defer(() => additions.close());
  const services = await servicesOf(context, { imports, additions, workspace });
  await workInBackground(context, closing);
  const maximumDelay = settings['max-loop-delay'];
  const loadShedding =
    maximumDelay > 0 ? new LoadShedding({ maximumDelay, onShed: () => metrics.shed() }) : undefined;
  closing.defer(() => loadShedding?.close());
  const logger = await context.logger();
  await services
    .head(settings['default-head'])
    .catch((error) =>
      logger.warn(`requests that name no head are refused (--default-head): ${error.message}`),
    );
  const options: AppOptions = {
    ...{ logger, metrics, traced, loadShedding },
    defaultHead: settings['default-head'],
    uploadFolder: workspace,
    requestTimeout: settings['request-timeout'],
    maximumRequestBytes: settings['max-request'] * 2 ** 20,
    basePath: settings['base-path'],
    corsOrigins: settings['cors-origin'],
    trustedProxies: settings['trusted-proxies'],
    maximumUploadBytes: settings['max-upload'] * 2 ** 20,
    ...(settings['fetch-urls'] === 'on' && { fetchImage: imageFetcher(settings) }),
  };
  return { services, options };
}

/** On a disk that cannot be written to predictions are answered all the same. */
async function prepareStore(context: Context, workspace: string): Promise<void> {
  const [store, logger] = await Promise.all([context.store(), context.logger()]);
  await emptyFolder(workspace).catch((error) => {
    if (!storageError(error)) throw error;
    logger.warn({ err: error }, 'uploads are refused for now');
  });
  const outage = store.database.outage();
  if (outage) logger.warn({ err: outage }, 'changes are refused until the disk can be written to');
}

/** What is left of uploads was never acknowledged: it came in while an earlier server ended. */
async function emptyFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder))
    await rm(path.join(folder, name), { recursive: true, force: true });
}

/** Metrics, traces where a collector is named, and a log of what becomes of the engines. */
async function observe(
  context: Context,
  closing: AsyncDisposableStack,
): Promise<{ metrics: Metrics; traced: boolean }> {
  const logger = await context.logger();
  const metrics = new Metrics();
  const add = (observer: Parameters<typeof context.observers.add>[0]) =>
    closing.defer(context.observers.add(observer));
  add(metrics);
  add({
    onLoss(error) {
      metrics.engineLost();
      logger.error({ err: error }, 'an engine is replaced');
    },
    onOutOfMemory(error) {
      metrics.ranOutOfMemory();
      logger.warn({ err: error }, 'no memory for a batch: it is tried in halves, or answered with 503');
    },
  });
  const stopTracing = await startTracing((reason) =>
    logger.warn({ reason }, 'traces cannot be sent to the collector; this is said once'),
  );
  if (stopTracing) {
    add(new StageTracer());
    closing.defer(() =>
      stopTracing().catch((error) => logger.warn({ err: error }, 'the last traces are lost')),
    );
  }
  const [predictor, heads, encoders] = await Promise.all([
    context.predictor(),
    context.heads(),
    context.encoders(),
  ]);
  metrics.watch(encoders.provider.provider, () => ({
    waiting: predictor.sources.waiting,
    rememberedBytes: predictor.sources.rememberedBytes,
    encoderBytes: encoders.loadedBytes(),
    loaded: heads.loaded,
  }));
  return { metrics, traced: stopTracing !== undefined };
}

async function workInBackground(context: Context, closing: AsyncDisposableStack): Promise<void> {
  const [{ database }, registry, catalogue, heads, logger] = await Promise.all([
    context.store(),
    context.registry(),
    context.catalogue(),
    context.heads(),
    context.logger(),
  ]);
  closing.defer(keepClean([registry, catalogue], logger, (work) => database.ifNobodyElse('cleaning', work)));
  closing.defer(
    dropDeletedHeads(registry, heads, (error) =>
      logger.warn({ err: error }, 'copies of deleted heads are still there'),
    ),
  );
}

function imageFetcher(settings: Settings): FetchImage {
  const limits = { maximumBytes: settings['max-request'] * 2 ** 20, timeout: settings['request-timeout'] };
  return async (address, signal) => buffer((await openRemote(address, { ...limits, signal })).body);
}
