import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { Settings } from '../config.ts';
import type { DatasetCatalogue } from '../datasets/catalogue.ts';
import type { ImportProcesses } from '../datasets/import/import-processes.ts';
import type { Encoders } from '../encoders/encoders.ts';
import type { HeadCache } from '../heads/cache.ts';
import { parseHeadManifest } from '../heads/head.ts';
import type { Predictor } from '../heads/predictor.ts';
import { type Checked, Readiness } from '../heads/readiness.ts';
import type { RegisteredHead } from '../heads/registry/head-reading.ts';
import type { HeadRegistry } from '../heads/registry/heads.ts';
import type { JobQueue } from '../jobs/queue.ts';
import { byModality } from '../modalities/registry.ts';
import type { HeadSummary, Services } from '../protocols/pipeline/services.ts';
import { readEach } from './damaged-heads.ts';
import { datasetServices } from './dataset-services.ts';
import { HeadFit } from './head-fit.ts';
import { versionServices } from './version-services.ts';

export interface Parts {
  encoders: Encoders;
  predictor: Predictor;
  registry: HeadRegistry;
  cache: HeadCache;
  /** Whether heads answer. */
  headCheck: Checked;
  catalogue: DatasetCatalogue;
  imports: ImportProcesses;
  jobs: JobQueue;
  logger: Logger;
}

/**
 * What the routes call, from the parts of a running server.
 * @param workspace folder for what is under way
 */
export function servicesOf(parts: Parts, chosen: Settings, workspace: string): Services {
  const { encoders, predictor, registry, cache, catalogue, imports, jobs, logger } = parts;
  const readiness = new Readiness(predictor, {
    onFailure: (error) => logger.error({ err: error }, 'the encoders do not answer'),
  });
  // A run of a head takes milliseconds, so the last that was answered tells little of this moment.
  const headReadiness = new Readiness(parts.headCheck, {
    what: 'the heads',
    freshness: 500,
    onFailure: (error) => logger.error({ err: error }, 'the heads do not answer'),
  });
  // A version never changes: its manifest is read once, not for every request that asks what it says.
  const summaries = new LRUCache<string, HeadSummary>({ max: 10_000 });
  const summaryOf = (head: RegisteredHead) => {
    const key = `${head.name}@${head.version}`;
    const summary = summaries.get(key) ?? summarize(head);
    summaries.set(key, summary);
    return summary;
  };
  const heads = async () => readEach(await registry.latest(), summaryOf);
  const fit = new HeadFit(async () => (await heads()).heads, encoders.fingerprints, logger);
  return {
    async predict(inputs, { head: reference, ...options }) {
      const opened = await registry.open(reference);
      const { name, version } = opened;
      const results = await cache.use(opened, (head) => predictor.predict(head, inputs, options));
      return { head: { name, version }, results };
    },
    embed: (items, signal) => predictor.embed(items, signal),
    encoders: byModality(({ name }) => encoders.byModality[name].id),
    head: async (reference) => summaryOf(await registry.resolve(reference)),
    heads,
    unfitHeads: () => fit.unfit,
    versions: versionServices(registry, {
      fingerprints: encoders.fingerprints,
      workspace,
    }),
    datasets: datasetServices({
      catalogue,
      imports,
      data: chosen.data,
      workspace,
      fetchUrls: chosen['fetch-urls'] === 'on',
      maximumBytes: chosen['max-upload'] * 2 ** 20,
      jobs,
    }),
    jobs,
    ready: async () => (await Promise.all([readiness.ready(), headReadiness.ready()])).every(Boolean),
    provider: encoders.provider.provider,
  };
}

function summarize({ name, version, manifest }: RegisteredHead): HeadSummary {
  const { target, labels, encoders, createdAt, metrics } = parseHeadManifest(manifest, `${name}@${version}`);
  return {
    name,
    version,
    target,
    labels,
    modalities: encoders.map(({ modality }) => modality),
    encoders,
    createdAt,
    metrics,
  };
}
