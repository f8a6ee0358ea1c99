import path from 'node:path';
import type { Logger } from 'pino';
import type { Settings } from '../config.ts';
import { separateNames } from '../encoder-list.ts';
import type { EncoderOptions } from '../encoders/encoders.ts';
import { installedEncoders } from '../encoders/places.ts';
import { joinReferences } from '../encoders/reference.ts';
import { readSpecification } from '../encoders/specification.ts';
import type { HeadRegistry } from '../heads/registry/heads.ts';
import type { Job } from '../jobs/job.ts';
import { JobQueue } from '../jobs/queue.ts';
import type { JobEncoders } from '../jobs/required-encoders.ts';
import type { RequiredEncoders } from '../jobs/task.ts';
import { type PretrainedName, pretrainedNames } from '../modalities/registry.ts';
import { serverName } from '../store/server-name.ts';
import type { Store } from '../store/store.ts';
import type { Observers } from './observers.ts';
import { shippedHeads } from './store-options.ts';

/** What jobs are run with. */
interface JobParts {
  settings: Settings;
  observers: Observers;
  logger(): Promise<Logger>;
  store(): Promise<Store>;
  registry(): Promise<HeadRegistry>;
  encoderOptions(): Promise<EncoderOptions>;
  /** Keeps every other process from running jobs on the data folder. */
  lock(): Promise<unknown>;
}

/**
 * Opens the queue of jobs, which runs them from now on in processes of their own.
 * @throws TandemError `data-in-use` where another process serves or runs jobs on the data folder; as `openStore`
 */
export async function openJobs(parts: JobParts): Promise<JobQueue> {
  const { settings } = parts;
  await parts.lock();
  const logger = await parts.logger();
  const encoders = await parts.encoderOptions();
  return JobQueue.open({
    store: await parts.store(),
    registry: await parts.registry(),
    place: {
      encoders,
      shippedHeads: shippedHeads(settings),
      datasets: path.join(settings.data, 'datasets'),
      readingMemory: settings['import-memory'],
      headTimeout: settings['head-timeout'],
    },
    encoders: await jobEncoders(encoders),
    runner: await serverName(settings.data),
    atOnce: settings['jobs-at-once'],
    maximumQueue: settings['max-jobs'],
    mostCrashes: settings['max-job-crashes'],
    onState: (job) => {
      logJob(logger, job);
      parts.observers.job(job);
    },
    onError: (error) => logger.error({ err: error }, 'a job could not be looked after'),
  });
}

/** A line for each state of a job: which, what it makes, and how it ended. Never what was in its data set. */
function logJob(
  logger: Logger,
  { id, kind, state, head, submittedBy, reason, error, startedAt, finishedAt }: Job,
): void {
  const seconds = startedAt && finishedAt && (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000;
  const failure = { code: error?.code, detail: error?.detail };
  const line = { job: id, kind, state, head, key: submittedBy, reason, seconds, ...failure };
  logger[state === 'failed' ? 'warn' : 'info'](line, 'job');
}

/** The encoders that are here, as their files say; none is loaded. */
async function jobEncoders(options: EncoderOptions): Promise<JobEncoders> {
  const installed = installedEncoders(options);
  return {
    defaults: await mapModalities(options.encoders, async (folders) =>
      joinReferences(await Promise.all(folders.map(readSpecification))),
    ),
    named: (names) =>
      mapModalities(names, async (reference, modality) => {
        const named = separateNames(reference).map((name) => installed.named(name, modality));
        return joinReferences(await Promise.all(named));
      }),
    has: async (fingerprint) => (await installed.find(fingerprint)) !== undefined,
  };
}

async function mapModalities<Value>(
  values: Readonly<Partial<Record<string, Value>>>,
  work: (value: Value, name: PretrainedName) => Promise<RequiredEncoders[string]>,
): Promise<RequiredEncoders> {
  const entries = pretrainedNames.map(async (name): Promise<[string, RequiredEncoders[string]][]> => {
    const value = values[name];
    return value === undefined ? [] : [[name, await work(value, name)]];
  });
  return Object.fromEntries((await Promise.all(entries)).flat());
}
