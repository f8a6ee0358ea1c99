import path from 'node:path';
import { HeadRegistry } from '../../../src/heads/registry/heads.ts';
import { JobQueue, type JobQueueOptions } from '../../../src/jobs/queue.ts';
import type { JobEncoders } from '../../../src/jobs/required-encoders.ts';
import type { RequiredEncoders } from '../../../src/jobs/task.ts';
import type { Store } from '../../../src/store/store.ts';

/** A server that has these encoders and no others. */
export function serverEncoders(defaults: RequiredEncoders): JobEncoders {
  const has = async (fingerprint: string) =>
    Object.values(defaults).some((encoder) => encoder.fingerprint === fingerprint);
  return { defaults, named: async () => ({}), has };
}

/** Opens a queue on a store, whose jobs fail for want of encoders. The caller closes it. */
export function openQueue(store: Store, options: Partial<JobQueueOptions> = {}): Promise<JobQueue> {
  const { data } = store.options;
  return JobQueue.open({
    store,
    registry: new HeadRegistry(store, data),
    place: {
      encoders: {
        encoders: { image: ['none'], text: ['none'] },
        provider: 'cpu',
        threads: 1,
        engines: 1,
      },
      readingMemory: 2048,
      headTimeout: 5000,
      shippedHeads: data,
      datasets: path.join(data, 'datasets'),
    },
    encoders: serverEncoders({}),
    runner: 'one',
    atOnce: 1,
    maximumQueue: 10,
    mostCrashes: 3,
    onError: () => {},
    ...options,
  });
}
