import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { auto, encoderList, isAddressRange, list, name, setting, wholeNumber } from './setting.ts';

const installation = path.resolve(fileURLToPath(new URL('..', import.meta.url)));

/** Every setting: its flag is `--<name>`, its environment variable `TANDEM_<NAME>`. */
export const settings = {
  data: setting({
    about: 'folder for heads, datasets and uploads',
    value: 'folder',
    default: 'data',
    schema: name,
  }),
  'database-url': setting({
    about: 'where metadata lies: sqlite (a file in --data), or postgres://user:password@host/database',
    value: 'address',
    default: 'sqlite',
    usual: 'DATABASE_URL',
    isSecret: true,
    schema: z
      .literal('sqlite')
      .or(z.string().regex(/^postgres(ql)?:\/\//, 'it must be sqlite or postgres://…')),
  }),
  artifacts: setting({
    about:
      'where files of heads and datasets lie: folder (--data), or s3://bucket/prefix, with AWS’s own environment variables',
    value: 'place',
    default: 'folder',
    schema: z
      .literal('folder')
      .or(z.string().regex(/^s3:\/\/[^/]/, 'it must be folder or s3://bucket/prefix')),
  }),
  models: setting({
    about: 'folder of the encoders and the heads that ship with them',
    value: 'folder',
    default: path.join(installation, 'models'),
    schema: name,
  }),
  'image-encoder': setting({
    about:
      'image encoder: the id of one that `encoders list` shows, OWNER/NAME@COMMIT of the hub, or a folder, as ./model; of several, as A+B, features are concatenated',
    value: 'name',
    isRepeatable: true,
    default: 'efficientnet-lite0-whole',
    schema: encoderList,
  }),
  'text-encoder': setting({
    about:
      'text encoder: the id of one that `encoders list` shows, OWNER/NAME@COMMIT of the hub, or a folder, as ./model; of several, as A+B, features are concatenated',
    value: 'name',
    isRepeatable: true,
    default: 'all-MiniLM-L6-v2',
    schema: encoderList,
  }),
  hub: setting({
    about: 'address that models are downloaded from: auto (the Hugging Face hub), or a mirror',
    value: 'address|auto',
    default: 'auto',
    usual: 'HF_ENDPOINT',
    schema: auto.or(z.string().regex(/^https?:\/\/[^/?#@]+(\/[^?#]*)?$/, 'it must be auto or https://…')),
  }),
  'hub-token': setting({
    about: 'token for private and gated models; it is sent to the hub’s address alone',
    value: 'token',
    default: '',
    usual: 'HF_TOKEN',
    isSecret: true,
    schema: z.string().regex(/^[\x21-\x7e]*$/, 'it must be without spaces'),
  }),
  offline: setting({
    about: 'on: models come from the data folder and from Python’s cache of the hub alone',
    value: 'off|on',
    default: 'off',
    usual: 'HF_HUB_OFFLINE',
    isSwitch: true,
    schema: z
      .enum(['off', 'on', '0', '1'])
      .transform((value) => (value === 'on' || value === '1' ? ('on' as const) : ('off' as const))),
  }),
  provider: setting({
    about: 'execution provider: cpu, cuda, or auto (cuda where it works)',
    value: 'provider',
    default: 'auto',
    schema: z.enum(['auto', 'cpu', 'cuda']),
  }),
  threads: setting({
    about: 'threads of the encoders together, and of the trainer',
    value: 'count',
    default: String(availableParallelism()),
    schema: wholeNumber(1, 1024),
  }),
  engines: setting({
    about:
      'copies of the encoders that work side by side and share the threads; auto: what tune measured here, else one a thread, at most 8',
    value: 'count|auto',
    default: 'auto',
    schema: wholeNumber(1, 256).or(auto),
  }),
  'encoder-memory': setting({
    about:
      'encoders that stay loaded, in MiB of their weights on all engines together: what was used longest ago is evicted first; auto: a quarter of the memory',
    value: 'MiB|auto',
    default: 'auto',
    schema: wholeNumber(1, 16_777_216).or(auto),
  }),
  host: setting({ about: 'address to listen on', value: 'address', default: '127.0.0.1', schema: name }),
  port: setting({
    about: 'port to listen on; 0 takes a free one',
    value: 'port',
    default: '8080',
    schema: wholeNumber(0, 65535),
  }),
  'grpc-port': setting({
    about: 'port of the Open Inference Protocol over gRPC; 0 takes a free one, off has none',
    value: 'port|off',
    default: 'off',
    schema: wholeNumber(0, 65535).or(z.literal('off')),
  }),
  'base-path': setting({
    about: 'path below which a proxy serves this server, as /tandem: links in answers begin with it',
    value: 'path',
    default: '',
    schema: z.string().regex(/^((\/[\w.~-]+)+)?$/, 'must be a path, as /tandem, or empty'),
  }),
  'trusted-proxies': setting({
    about:
      'addresses and ranges of the proxies in front, with commas between, or loopback: their X-Forwarded-For counts for rate limits, their X-Forwarded-Prefix for links',
    value: 'addresses',
    default: '',
    schema: list.refine(
      (names) => names.every(isAddressRange),
      'must be addresses or ranges, as 10.0.0.0/8, with commas between, or loopback',
    ),
  }),
  'cors-origin': setting({
    about:
      'sites whose pages may ask, with commas between, as https://shop.example.org; * lets those of all sites ask, with a key',
    value: 'origins',
    default: '',
    schema: list.refine(
      (origins) => origins.every((origin) => origin === '*' || URL.parse(origin)?.origin === origin),
      'must be origins, as https://shop.example.org, with commas between, or *',
    ),
  }),
  'default-head': setting({
    about: 'head of requests that name none',
    value: 'head',
    default: 'emoji',
    schema: name,
  }),
  'max-batch-pixels': setting({
    about:
      'most pixels of a batch of images, as the encoder takes them (224 by 224 each); auto: 4 images, 64 with cuda',
    value: 'pixels|auto',
    default: 'auto',
    schema: wholeNumber(1, 1e9).or(auto),
  }),
  'max-batch-tokens': setting({
    about: 'most tokens of a batch of texts, padded to the longest; auto: 512, 16384 with cuda',
    value: 'tokens|auto',
    default: 'auto',
    schema: wholeNumber(1, 1e9).or(auto),
  }),
  'max-wait': setting({
    about: 'milliseconds that an item waits for others to make a batch with; 0 never waits',
    value: 'ms',
    default: '0',
    schema: wholeNumber(0, 1000),
  }),
  memory: setting({
    about:
      'features of images and texts that are remembered for when they come again, in MiB; 0 remembers none',
    value: 'MiB',
    default: '256',
    schema: wholeNumber(0, 1_048_576),
  }),
  'head-memory': setting({
    about: 'heads that stay loaded, in MiB of their weights; auto: an eighth of the memory, 1024 at least',
    value: 'MiB|auto',
    default: 'auto',
    schema: wholeNumber(1, 1_048_576).or(auto),
  }),
  'head-timeout': setting({
    about: 'milliseconds that a head may take for one run before it is stopped; other heads go on',
    value: 'ms',
    default: '5000',
    schema: wholeNumber(100, 3_600_000),
  }),
  'max-queue': setting({
    about: 'items of each modality that may wait for their encoder',
    value: 'items',
    default: '512',
    schema: wholeNumber(1, 1_000_000),
  }),
  'jobs-at-once': setting({
    about: 'fine-tunings that run side by side',
    value: 'jobs',
    default: '1',
    schema: wholeNumber(1, 64),
  }),
  'max-jobs': setting({
    about: 'fine-tunings that may wait for their turn',
    value: 'jobs',
    default: '32',
    schema: wholeNumber(1, 10_000),
  }),
  'max-job-crashes': setting({
    about:
      'how often a server may end without a word (killed, out of memory) while it runs the same job, which gets no further, until the job fails',
    value: 'times',
    default: '3',
    schema: wholeNumber(1, 10_000),
  }),
  'request-timeout': setting({
    about: 'milliseconds until a prediction is given up',
    value: 'ms',
    default: '30000',
    schema: wholeNumber(1, 3_600_000),
  }),
  'drain-delay': setting({
    about:
      'milliseconds for which requests are still taken after SIGTERM, while /readyz answers 503: longer than a balancer takes to see it (5000 to 10000 on Kubernetes); Ctrl-C does not wait',
    value: 'ms',
    default: '0',
    schema: wholeNumber(0, 60_000),
  }),
  'rate-limit': setting({
    about:
      'requests a minute of each key, or of each address that sends none, over HTTP and gRPC; 0: no limit',
    value: 'count',
    default: '0',
    schema: wholeNumber(0, 1e9),
  }),
  'max-loop-delay': setting({
    about:
      'milliseconds that the event loop may be late on average before requests are refused with 503; 0 refuses none',
    value: 'ms',
    default: '500',
    schema: wholeNumber(0, 60_000),
  }),
  'max-request': setting({
    about: 'largest request for predictions, in MiB',
    value: 'MiB',
    default: '20',
    schema: wholeNumber(1, 1024),
  }),
  'max-upload': setting({
    about: 'largest uploaded dataset, in MiB',
    value: 'MiB',
    default: '10240',
    schema: wholeNumber(1, 1_048_576),
  }),
  'import-memory': setting({
    about: 'most memory of the process that reads a dataset, in MiB',
    value: 'MiB',
    default: '2048',
    schema: wholeNumber(256, 1_048_576),
  }),
  'import-timeout': setting({
    about: 'seconds that reading a dataset may take',
    value: 's',
    default: '3600',
    schema: wholeNumber(1, 604_800),
  }),
  'fetch-urls': setting({
    about: 'whether requests may name addresses to fetch: off or on',
    value: 'off|on',
    default: 'off',
    schema: z.enum(['off', 'on']),
  }),
  anonymous: setting({
    about: 'who needs no key: loopback (no one beyond this machine, until a key exists) or everyone',
    value: 'who',
    default: 'loopback',
    schema: z.enum(['loopback', 'everyone']),
  }),
  'log-level': setting({
    about: 'least severe level that is logged',
    value: 'level',
    default: 'info',
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
  }),
} as const;

export type SettingName = keyof typeof settings;
export type Settings<Names extends SettingName = SettingName> = {
  [Name in Names]: z.infer<(typeof settings)[Name]['schema']>;
};

/** The settings of everything that lasts. */
export const storeSettings = ['data', 'database-url', 'artifacts'] as const;
/** The settings of everything that encodes. */
export const encoderSettings = [
  ...storeSettings,
  'models',
  'image-encoder',
  'text-encoder',
  'hub',
  'hub-token',
  'offline',
  'provider',
  'threads',
  'engines',
  'encoder-memory',
] as const;
/** The flag that names each modality's encoder, and the one that limits its batches. */
export const encoderFlags = { image: 'image-encoder', text: 'text-encoder' } as const;
export const batchFlags = { image: 'max-batch-pixels', text: 'max-batch-tokens' } as const;
/** The settings of what runs a head, beside a server. */
export const headSettings = [...encoderSettings, 'head-timeout'] as const;
/** Every setting, in the order of the table. */
export const allSettings = Object.keys(settings) as SettingName[];
type ServerSetting = Exclude<SettingName, (typeof encoderSettings)[number]>;
/** The settings of the server, beside those of everything that encodes. */
export const serverSettings = allSettings.filter(
  (setting): setting is ServerSetting => !encoderSettings.some((other) => other === setting),
);

type CamelCase<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

/** The settings as code writes them: `grpc-port` is `grpcPort`. Each that is omitted has its default. A list may be one text. */
export type TandemSettings = {
  [Name in SettingName as CamelCase<Name>]?:
    | Settings[Name]
    | (Settings[Name] extends readonly string[] ? string : never);
};
