import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import express, { type Express, type RequestHandler } from 'express';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { TandemError } from '../../../src/errors.ts';
import type { Prediction } from '../../../src/heads/prediction.ts';
import type { Job, JobEvent, JobState } from '../../../src/jobs/job.ts';
import { apiRoutes, createApp } from '../../../src/protocols/app.ts';
import { type ListenOptions, listen } from '../../../src/protocols/http/listen.ts';
import type { Route } from '../../../src/protocols/http/route.ts';
import type { AppOptions } from '../../../src/protocols/pipeline/options.ts';
import type {
  DatasetSummary,
  HeadSummary,
  InstalledEncoder,
  Services,
} from '../../../src/protocols/pipeline/services.ts';
import { fetch, withoutPort } from './without-port.ts';

export { connect, fetch } from './without-port.ts';

export const prediction: Prediction = {
  labels: [{ label: 'cat', probability: 0.9 }],
  confidence: 0.9,
  modalities: ['text'],
  unimodal: { text: { labels: [{ label: 'cat', probability: 0.9 }], confidence: 0.9 } },
  timings: { decode: 1, queue: 2, encode: 3, head: 4 },
};

export const head: HeadSummary = {
  name: 'emoji',
  version: 3,
  target: 'single',
  labels: ['dog', 'cat'],
  modalities: ['image', 'text'],
  encoders: [
    { modality: 'image', id: 'images', dimension: 3, fingerprint: 'a1' },
    { modality: 'text', id: 'texts', dimension: 2, fingerprint: 'b2' },
  ],
  createdAt: '2026-01-31T12:00:00.000Z',
  metrics: {
    fused: { examples: 3, accuracy: 1, macroF1: 1, negativeLogLikelihood: 0, calibrationError: 0 },
    unimodal: {},
  },
  decides: false,
};

export const encoder: InstalledEncoder = {
  id: 'bge',
  modality: 'text',
  dimension: 4,
  fingerprint: 'b2',
  place: 'added',
  isNonCommercial: false,
};
const milliseconds = { alone: 12, inBatch: 9 };
const proof = { items: 5, batchDifference: 0, runDifference: 0, milliseconds, memory: 1e8 };

export const dataset: DatasetSummary = {
  id: 'pets-0a1b2c3d4e5f',
  name: 'pets',
  hash: '0a1b',
  createdAt: '2026-01-31T12:00:00.000Z',
  counts: { examples: 0, content: {}, train: 0, test: 0, labels: [] },
  notes: [],
};

export function job(state: JobState, id = 'a'): Job {
  const over = state !== 'queued' && state !== 'running';
  const createdAt = '2026-01-31T12:00:00.000Z';
  return {
    id,
    kind: 'train',
    state,
    head: 'pets',
    dataset: 'pets',
    priority: 0,
    createdAt,
    ...(over ? { finishedAt: createdAt } : {}),
  };
}

/** A job that ran from start to end. */
export const story: JobEvent[] = [
  { id: 1, type: 'state', job: job('queued') },
  { id: 2, type: 'state', job: job('running') },
  {
    id: 5,
    type: 'progress',
    job: { ...job('running'), progress: { stage: 'training', done: 1, total: 2 } },
  },
  { id: 6, type: 'state', job: job('succeeded') },
];

/** Stands in for the rest of the program: every answer is canned, and a test replaces the one it is about. */
export function services(replaced: Partial<Services> = {}, jobs: Partial<Services['jobs']> = {}): Services {
  return {
    predict: async (inputs) => ({
      head: { name: 'emoji', version: 3 },
      results: inputs.map(() => prediction),
    }),
    embed: async (inputs) => inputs.map((_, index) => ({ features: Float32Array.of(index, 0.5), cost: 2 })),
    encoders: { image: 'images', text: 'texts' },
    installedEncoders: {
      list: async () => ({ encoders: [encoder] }),
      get: async () => encoder,
      add: async () => encoder,
      check: async () => ({ ...encoder, proof }),
      remove: async () => {},
    },
    models: async () => [
      { id: 'images', modality: 'image', dimension: 2, isLoaded: true },
      { id: 'texts', modality: 'text', dimension: 2, isLoaded: false },
    ],
    heads: async () => ({ heads: [], damaged: [], total: 0 }),
    head: async () => head,
    versions: {
      get: async (name) => ({ name, versions: [1, 2], aliases: { production: 2 } }),
      compare: async (name, version, other) => ({
        first: { name, version: Number(version), createdAt: head.createdAt },
        second: { name, version: Number(other), createdAt: head.createdAt },
        labels: { added: [], removed: [] },
        differences: [],
        testedOn: { examples: 'the same', why: 'measured on the same 3 test examples' },
        figures: [],
      }),
      setAlias: async (name, alias, version) => ({ name, versions: [1, 2], aliases: { [alias]: version } }),
      accept: async (name, version, accuracy) => ({
        name,
        version: Number(version),
        acceptance:
          accuracy === null
            ? null
            : { accuracy, threshold: 0.8, reachedBy: 'interval', rows: 300, accepted: 240, right: 235 },
      }),
      rollback: async (name, alias) => ({ name, versions: [1, 2], aliases: { [alias]: 1 } }),
      deleteAlias: async (name) => ({ name, versions: [1, 2], aliases: {} }),
      delete: async (name) => ({ name, versions: [1], aliases: {} }),
      export: async (name, version) => ({
        name: `${name}-${version}`,
        content: Readable.from([Buffer.from('tar')]),
      }),
      import: async (_file, name = 'pets') => ({ name, version: 4 }),
      zeroShot: async (name, { labels, templates = ['{}'], target = 'single' }) => ({
        ...{ head: name, version: 1, target, labels: [...labels], modalities: ['text'], encoders: [] },
        zeroShot: {
          ...{ templates: [...templates], textEncoder: { id: 'texts', fingerprint: 'f00d' } },
          ...{ logitScale: 20, logitBias: 0 },
        },
      }),
    },
    ready: async () => true,
    unfitHeads: () => [],
    provider: 'cpu',
    datasets: {
      add: async () => ({ dataset, isNew: true }),
      try: async () => ({ ...dataset, problemCount: 0, problems: [], leftOut: [], guesses: [], preview: [] }),
      list: async () => ({ datasets: [dataset], damaged: [], total: 1 }),
      get: async () => dataset,
      rows: async (_id, { offset }) => ({ total: 0, offset, rows: [] }),
      export: async () => ({ name: 'größe', content: Readable.from([Buffer.from('zip')]) }),
      delete: async () => {},
    },
    ...replaced,
    jobs: {
      submit: async () => job('queued'),
      list: async () => ({ jobs: [job('queued')], total: 1 }),
      get: async (id) => {
        if (id === 'a') return job('succeeded');
        throw new TandemError('unknown-job', `no job has the id ${JSON.stringify(id)}`);
      },
      async *events(_id, lastEventId) {
        yield* story.filter((event) => event.id > lastEventId);
      },
      cancel: async () => job('cancelled'),
      retry: async () => job('queued'),
      report: async () => '<!doctype html><title>report</title>',
      predictions: async (id, format) => ({
        name: `predictions-${id}.${format}`,
        content: Readable.from([Buffer.from(format)]),
      }),
      ...jobs,
    },
  };
}

export interface RunningApp {
  address: string;
  uploads: string;
  /** What was logged, a JSON object a line. */
  logged: () => string;
  close(): Promise<void>;
}

/**
 * Fails the test where an answer has a status that the description of its operation does not name.
 * @param app to watch; @param described its operations
 */
function watchStatuses(app: Express, described: readonly Route[]): Express {
  const documented = new Map(
    described.map(({ method, path, operation, scope }) => [
      `${method} ${path}`,
      // What a scope adds is added by the description itself.
      new Set([...Object.keys(operation.responses), ...(scope ? ['401', '403', '429'] : [])]),
    ]),
  );
  const undocumented = new Set<string>();
  const watch: RequestHandler = (request, response, next) => {
    response.once('finish', () => {
      const operation = `${request.method.toLowerCase().replace('head', 'get')} ${response.locals.route}`;
      if (documented.get(operation)?.has(String(response.statusCode)) === false)
        undocumented.add(`${operation} answered ${response.statusCode}`);
    });
    next();
  };
  const watched = express().disable('x-powered-by').use(watch, app);
  onTestFinished(() => {
    if (undocumented.size > 0) throw new Error(`not in the description: ${[...undocumented].join(', ')}`);
  });
  return watched;
}

type ServeOptions = Partial<AppOptions> & {
  /** For a double that throws what the real services never do. */
  anyStatus?: boolean;
};

/** Serves the double until the test ends, without a port: `fetch` and `connect` of this file find it. */
export function serve(double: Services, options: ServeOptions = {}): Promise<RunningApp> {
  return start(double, options, async (app) => withoutPort(app));
}

/** Serves the double on a free port until the test ends, where real connections are the point. */
export function serveOnPort(
  double: Services,
  options: ServeOptions & Partial<ListenOptions> = {},
): Promise<RunningApp> {
  return start(double, options, (app) =>
    listen(app, { host: '127.0.0.1', port: 0, drainTime: 200, ...options }),
  );
}

async function start(
  double: Services,
  { anyStatus, ...options }: ServeOptions,
  open: (app: Express) => Promise<{ address: string; close(): Promise<void> }>,
): Promise<RunningApp> {
  const uploads = await mkdtemp(path.join(tmpdir(), 'uploads-'));
  const lines: string[] = [];
  const appOptions: AppOptions = {
    logger: pino({}, { write: (line: string) => void lines.push(line) }),
    defaultHead: 'emoji',
    uploadFolder: uploads,
    requestTimeout: 30_000,
    maximumRequestBytes: 20 * 2 ** 20,
    maximumUploadBytes: 2 ** 20,
    ...options,
  };
  const app = createApp(double, appOptions);
  const server = await open(anyStatus ? app : watchStatuses(app, apiRoutes(double, appOptions)));
  onTestFinished(async () => {
    await server.close();
    await rm(uploads, { recursive: true });
  });
  return { address: server.address, uploads, logged: () => lines.join(''), close: server.close };
}

export function sendJson(address: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  return fetch(address, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    ...init,
  });
}

export function sendForm(address: string, fields: Record<string, string | Blob>): Promise<Response> {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  return fetch(address, { method: 'POST', body });
}

/** Status, code and body of a response that ought to be a problem. */
export async function problemOf(response: Response) {
  const type = response.headers.get('Content-Type');
  if (!type?.startsWith('application/problem+json'))
    throw new Error(`not a problem: ${response.status} ${type}`);
  const body = await response.json();
  if (body.status !== response.status)
    throw new Error(`status ${response.status}, but ${body.status} inside`);
  return { status: response.status, code: body.type.replace('/problems/', ''), ...body };
}
