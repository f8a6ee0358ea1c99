import type { Logger } from 'pino';
import type { IdempotentRequests } from '../../store/idempotent-requests.ts';
import type { Sessions } from '../../store/sessions.ts';
import type { Access } from './access.ts';
import type { LoadShedding } from './load-shedding.ts';
import type { Metrics } from './metrics.ts';
import type { RateLimit } from './rate-limit.ts';
import type { FetchImage } from './remote-images.ts';
import type { Stopping } from './stopping.ts';

/** Most items of one request for predictions by default. */
export const usualMaximumItems = 64;

/** What the HTTP application is told about itself. */
export interface AppOptions {
  logger: Logger;
  /** Without it there is no `GET /metrics`. */
  metrics?: Metrics;
  /** Whether requests become spans for OpenTelemetry. */
  traced?: boolean;
  /** Head of requests that name none. */
  defaultHead: string;
  /** Folder for uploads; they are streamed there, never whole in memory. */
  uploadFolder: string;
  /** Milliseconds until a prediction is given up, counted from when the request is read. */
  requestTimeout: number;
  /** Largest request for predictions. */
  maximumRequestBytes: number;
  /** Largest upload of a dataset. */
  maximumUploadBytes: number;
  /** How often a caller may ask; as often as they like without it. */
  rateLimit?: RateLimit;
  /** Refuses requests while the server is late; without it all are taken. */
  loadShedding?: LoadShedding;
  /** Fetches images that requests name by address; without it they are refused. */
  fetchImage?: FetchImage;
  /** Whether callers without a key must be on this machine; see `refuseOtherMachines`. */
  thisMachineAlone?: boolean;
  /** The path below which a proxy serves it, `/tandem`; none by default. */
  basePath?: string;
  /** Addresses and ranges of proxies whose X-Forwarded headers count; none by default. */
  trustedProxies?: readonly string[];
  /** Sites whose pages may ask, `*` for all; none by default. */
  corsOrigins?: readonly string[];
  /** How far its stop has come. */
  stopping?: Stopping;
  /** What a key may do; without this, everybody may do everything. */
  access?: Access;
  /** Keeps answers for requests with an Idempotency-Key; without it the header is ignored. */
  idempotency?: IdempotentRequests;
  /** Finds the name of the key that a secret belongs to, for the log. */
  keyName?: (secret: string) => Promise<string | undefined>;
  /** Sessions of browsers; without them nobody can sign in. Their tokens are secrets that `access` knows. */
  sessions?: Pick<Sessions, 'begin' | 'find' | 'end'>;
  /** Most items of one request for predictions; default: 64. */
  maximumItems?: number;
  /** Most characters of one text; default: 100,000. */
  maximumTextCharacters?: number;
}
