import type { Settings } from '../config.ts';
import { Context, type ContextOptions } from './context.ts';
import { datasetsOf } from './datasets.ts';
import { encodersOf } from './encoders.ts';
import { headsOf } from './heads.ts';
import type { Jobs, Keys, Tandem } from './tandem.ts';

/**
 * Opens a Tandem. Nothing of its data is touched before it is needed.
 * @param options.load whether encoders are loaded at once
 * @param options.onDownload told of models that are downloaded because a setting names them
 * @example
 * await using tandem = await openTandem(completeSettings({ data: 'data' }));
 * console.log(await tandem.heads.list());
 */
export async function openTandem(
  settings: Settings,
  { load = false, ...options }: { load?: boolean } & ContextOptions = {},
): Promise<Tandem> {
  const context = new Context(settings, options);
  const serving = context.parts.add(async (closing) => {
    const { openServing } = await import('./serving.ts');
    return openServing(context, closing);
  });
  const training = () => import('./training.ts');
  const prediction = () => import('./prediction.ts');
  const close = (drainDelay?: number) => context.close(drainDelay);
  const { calls } = context;
  const methods: Omit<
    Tandem,
    'heads' | 'encoders' | 'datasets' | 'jobs' | 'keys' | 'close' | keyof AsyncDisposable
  > = {
    predict: async (inputs, options = {}) => (await prediction()).predict(context, inputs, options),
    score: async (input, options) => (await import('./scoring.ts')).score(context, input, options),
    embed: async (items, options = {}) => (await prediction()).embed(context, items, options),
    train: async (dataset, options) => (await training()).train(context, dataset, options),
    compare: async (dataset, options = {}) => (await training()).compare(context, dataset, options),
    compareTuning: async (dataset, options) =>
      (await training()).compareTunedHeads(context, dataset, options),
    evaluate: async (dataset, options) => (await training()).evaluate(context, dataset, options),
    listen: async (options = {}) => (await import('./listen.ts')).listenOn(context, serving, options),
    handler: async () => (await import('./listen.ts')).handlerOf(context, serving),
  };
  const { events, ...jobs } = jobsOf(context);
  const tandem: Tandem = {
    ...calls.counted(methods),
    heads: calls.counted(headsOf(context)),
    encoders: calls.counted(encodersOf(context)),
    datasets: calls.counted(datasetsOf(context)),
    // Events may go on for as long as a job: they are not waited for, and end with the queue.
    jobs: { ...calls.counted(jobs), events },
    keys: calls.counted(keysOf(context)),
    close,
    [Symbol.asyncDispose]: () => close(),
  };
  if (!load) return tandem;
  const loading = context.encoders().then((encoders) => encoders.load());
  await loading.catch(async (error) => {
    await close();
    throw error;
  });
  return tandem;
}

function jobsOf(context: Context): Jobs {
  return {
    async submit(request) {
      const { checkOptions, jobRequest } = await import('./check-options.ts');
      checkOptions(jobRequest, request);
      return (await context.jobs()).submit(request);
    },
    list: async (page) => (await context.jobs()).list(page),
    get: async (id) => (await context.jobs()).get(id),
    async *events(id, { after = 0, signal = new AbortController().signal } = {}) {
      const { calls } = context;
      const ended = AbortSignal.any([signal, calls.closing]);
      const jobs = await calls.run(() => context.jobs());
      const events = jobs.events(id, after, ended);
      while (!ended.aborted) {
        const next = await calls.run(() => events.next());
        if (next.done) return;
        yield next.value;
      }
    },
    cancel: async (id) => (await context.jobs()).cancel(id),
    retry: async (id) => (await context.jobs()).retry(id),
    report: async (id) => (await context.jobs()).report(id),
    predictions: async (id, format) => (await context.jobs()).predictions(id, format),
  };
}

function keysOf(context: Context): Keys {
  return {
    create: async (name, scope) => (await context.keys()).create(name, scope),
    list: async () => (await context.keys()).list(),
    revoke: async (id) => (await context.keys()).revoke(id),
  };
}
