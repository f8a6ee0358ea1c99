import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { createApp } from '../protocols/app.ts';
import { listen, usualDrainTime } from '../protocols/http/listen.ts';
import { listenGrpc } from '../protocols/open-inference/grpc.ts';
import type { AppOptions } from '../protocols/pipeline/options.ts';
import { RateLimit } from '../protocols/pipeline/rate-limit.ts';
import { Stopping } from '../protocols/pipeline/stopping.ts';
import { IdempotentRequests } from '../store/idempotent-requests.ts';
import { ApiKeys } from '../store/keys.ts';
import { Sessions } from '../store/sessions.ts';
import { accessTo, isLoopback } from './access.ts';
import { checkOptions, listenOptions } from './check-options.ts';
import type { Context, Taker } from './context.ts';
import type { Serving } from './serving.ts';
import type { Handler, ListenOptions, Server } from './tandem.ts';
import { tuningFile } from './tuning-file.ts';

/** See `Tandem.listen`. */
export async function listenOn(
  context: Context,
  serving: () => Promise<Serving>,
  options: ListenOptions,
): Promise<Server> {
  checkOptions(listenOptions, options);
  const { settings } = context;
  const { host = settings.host, port = settings.port, grpcPort = settings['grpc-port'] } = options;
  const stopping = new Stopping();
  const { services, options: appOptions } = await optionsFor(context, serving, { host, stopping });
  const { access, logger } = appOptions;
  await using started = new AsyncDisposableStack();
  const http = await listen(createApp(services, appOptions), { host, port });
  const listeners: { close(): Promise<void> }[] = [http];
  started.defer(async () => void (await Promise.all(listeners.map((listener) => listener.close()))));
  const grpc =
    grpcPort === 'off' ? undefined : await listenGrpc(services, appOptions, { host, port: grpcPort });
  if (grpc) listeners.push(grpc);
  started.defer(() => stopping.close());
  const running = started.move();
  const taker = takerOf(stopping, async () => {
    logger.info({ address: http.address }, 'the server stops: open requests are answered');
    await running.disposeAsync();
    logger.info({ address: http.address }, 'the server has stopped listening');
  });
  context.takers.add(taker);
  return {
    address: http.address,
    ...(grpc && { grpc: grpc.address }),
    needsKey: (await access?.(undefined)) === undefined,
    ...(await describe(context)),
    async close() {
      context.takers.delete(taker);
      await taker.close();
    },
  };
}

/** See `Tandem.handler`. */
export async function handlerOf(context: Context, serving: () => Promise<Serving>): Promise<Handler> {
  const stopping = new Stopping();
  const { services, options } = await optionsFor(context, serving, { host: '127.0.0.1', stopping });
  const app: Handler = createApp(services, options);
  const answering = new Set<Promise<unknown>>();
  context.takers.add(
    takerOf(stopping, async () => {
      stopping.close();
      const patience = setTimeout(usualDrainTime, undefined, { ref: false });
      await Promise.race([Promise.allSettled(answering), patience]);
    }),
  );
  return (request, response, next) => {
    const answered = once(response, 'close').catch(() => {});
    answering.add(answered);
    void answered.then(() => answering.delete(answered));
    app(request, response, next);
  };
}

/** Who may ask is decided before encoders are loaded, because it may refuse to listen at all. */
async function optionsFor(
  context: Context,
  serving: () => Promise<Serving>,
  { host, stopping }: { host: string; stopping: Stopping },
): Promise<{ services: Serving['services']; options: AppOptions }> {
  const { settings } = context;
  await context.lock();
  const { database } = await context.store();
  const keys = new ApiKeys(database);
  const sessions = new Sessions(database);
  const access = await accessTo({ ...settings, host }, keys, sessions);
  const { services, options } = await serving();
  return {
    services,
    options: {
      ...options,
      ...{ access, stopping, sessions },
      keyName: async (secret) => (await keys.nameOf(secret)) ?? (await sessions.find(secret))?.key,
      idempotency: new IdempotentRequests(database),
      thisMachineAlone: settings.anonymous !== 'everyone' && (await isLoopback(host)),
      ...(settings['rate-limit'] > 0 && {
        rateLimit: new RateLimit(
          settings['rate-limit'],
          access,
          async (token) => (await sessions.find(token))?.keyHash,
        ),
      }),
    },
  };
}

function takerOf(stopping: Stopping, close: () => Promise<void>): Taker {
  let closed: Promise<void> | undefined;
  return {
    drain: () => stopping.drain(),
    close() {
      closed ??= close();
      return closed;
    },
  };
}

async function describe(context: Context): Promise<Pick<Server, 'provider' | 'store' | 'batching'>> {
  const [encoders, predictor, store, tuning] = [
    await context.encoders(),
    await context.predictor(),
    await context.store(),
    await context.tuning(),
  ];
  return {
    provider: encoders.provider,
    store: store.places,
    batching: {
      engines: encoders.engines,
      budgets: predictor.sources.budgets,
      ...(tuning && { tuning: tuningFile(context.settings.data) }),
    },
  };
}
