import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { Command } from 'commander';
import { pino } from 'pino';
import { encoderSettings, type Settings, serverSettings } from '../config.ts';
import { loadEncoders } from '../inference/encoders.ts';
import { readHeadManifest } from '../inference/head.ts';
import { HeadCache } from '../inference/head-cache.ts';
import { Predictor } from '../inference/predictor.ts';
import { JobQueue } from '../jobs/queue.ts';
import { product } from '../product.ts';
import { Engine } from '../runtime/engine.ts';
import { createApp } from '../server/app.ts';
import { listen } from '../server/listen.ts';
import type { HeadSummary, Services } from '../server/services.ts';
import { openDatabase } from '../store/database.ts';
import { accessTo } from './access.ts';
import { datasetServices } from './dataset-services.ts';
import { addSettings, encoderOptions, headFolders, headRegistry, settingsOf } from './options.ts';
import { print, printJson } from './output.ts';
import { versionServices } from './version-services.ts';

const allSettings = [...encoderSettings, ...serverSettings] as const;

export const serve = addSettings(
  new Command('serve')
    .summary('answer predictions and fine-tune over HTTP')
    .description('Serves predictions and fine-tunings over HTTP until it is stopped.')
    .option('--json', 'announce the start as one JSON object'),
  allSettings,
)
  .addHelpText('after', '\nExample:\n  npm run -s tandem -- serve --port 8080')
  .action(async (options, command: Command) => {
    const chosen = settingsOf(command, allSettings);
    // A signal while it starts waits until it has: ONNX Runtime crashes where the process ends while it loads a model.
    const stopped = new Promise<unknown>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM']) process.removeAllListeners(signal).once(signal, resolve);
    });
    const running = await startServer(chosen);
    const heads = await running.services.heads();
    if (options.json) printJson({ address: running.address, provider: running.provider, heads });
    else announce(running, heads);
    void stopped.then(() => running.close()).then(() => process.exit(0));
  });

/** How long `ready` trusts the last inference, in milliseconds. */
const freshness = 10_000;
/** How long the inference that proves readiness may take, in milliseconds. */
const checkTimeout = 5_000;

interface RunningServer {
  /** `http://…` */
  address: string;
  provider: { provider: string; reason: string };
  services: Services;
  close(): Promise<void>;
}

async function startServer(chosen: Settings): Promise<RunningServer> {
  const access = await accessTo(chosen);
  const uploads = path.join(chosen.data, 'uploads');
  const database = await openDatabase(chosen.data);
  // What is left here was never acknowledged: it came in while an earlier server ended.
  await rm(uploads, { recursive: true, force: true });
  await mkdir(uploads, { recursive: true });
  const logger = pino({ level: chosen['log-level'] }, pino.destination(2));
  const encoders = await loadEncoders(encoderOptions(chosen));
  const engine = Engine.start({ provider: encoders.provider.provider, threads: 1 });
  const predictor = new Predictor(encoders, {
    maximumBatch: chosen['max-batch'],
    maximumQueue: chosen['max-queue'],
  });
  const registry = headRegistry(chosen);
  const cache = new HeadCache(engine, encoders.fingerprints);
  const jobs = await JobQueue.open({
    database,
    encoders: encoderOptions(chosen),
    heads: headFolders(chosen),
    data: chosen.data,
    datasets: path.join(chosen.data, 'datasets'),
    maximumQueue: chosen['max-jobs'],
  });
  await predictor.check();

  const services: Services = {
    async predict(inputs, { head: reference, topK, signal }) {
      const { name, version, folder } = await registry.resolve(reference);
      const head = await cache.load(folder);
      return { head: { name, version }, results: await predictor.predict(head, inputs, { topK, signal }) };
    },
    heads: async () => Promise.all((await registry.latest()).map(({ folder }) => summarize(folder))),
    versions: versionServices(registry),
    datasets: await datasetServices({
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
          logger.error({ error }, 'the encoders do not answer');
          return false;
        },
      );
    },
    provider: encoders.provider.provider,
  };
  const app = createApp(services, {
    logger,
    access,
    defaultHead: chosen['default-head'],
    uploadFolder: uploads,
    requestTimeout: chosen['request-timeout'],
    maximumRequestBytes: chosen['max-request'] * 2 ** 20,
    maximumUploadBytes: chosen['max-upload'] * 2 ** 20,
  });
  const closeEngines = () => Promise.all([engine.close(), encoders.close()]);
  const server = await listen(app, { host: chosen.host, port: chosen.port }).catch(async (error) => {
    await jobs.close();
    await Promise.all([closeEngines(), database.destroy()]);
    throw error;
  });
  return {
    address: server.address,
    provider: encoders.provider,
    services,
    async close() {
      await Promise.all([server.close(), jobs.close()]);
      await database.destroy();
      await closeEngines();
    },
  };
}

async function summarize(folder: string): Promise<HeadSummary> {
  const { name, version, target, labels, encoders, createdAt, metrics } = await readHeadManifest(folder);
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

function announce({ address, provider }: RunningServer, heads: HeadSummary[]): void {
  const names = heads
    .map(({ name, version, labels }) => `${name}@${version} (${labels.length} labels)`)
    .join(', ');
  print(`${product.name} ${product.version} answers at ${address}`);
  print(`provider: ${provider.provider} (${provider.reason})`);
  print(`heads: ${names || 'none yet; POST /v1/jobs or the train command makes one'}`);
  if (heads.length === 0) return;
  print('try it:');
  print(`  curl ${address}/v1/predict -F head=${heads[0].name} -F text='a slice of pizza with cheese'`);
}
