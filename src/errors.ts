/**
 * Every error a person can meet, in one table: the code that programs match on, the HTTP status, the title,
 * and what to do next. The details (which row, which file, which value) come with each occurrence.
 */
export const errorTable = {
  'empty-request': {
    status: 400,
    title: 'Nothing to classify',
    fix: 'Send something of at least one modality, such as an image or a text.',
  },
  'invalid-request': {
    status: 400,
    title: 'The request is not valid',
    fix: 'Compare the named fields with /openapi.json.',
  },
  'invalid-configuration': {
    status: 500,
    title: 'The configuration is not valid',
    fix: 'Correct every named value; --help lists them all with their defaults.',
  },
  'invalid-image': {
    status: 422,
    title: 'The image cannot be read',
    fix: 'Send a complete JPEG, PNG, WebP, GIF, TIFF or AVIF file.',
  },
  'image-too-large': {
    status: 413,
    title: 'The image has too many pixels',
    fix: 'Scale the image down to at most 50 megapixels.',
  },
  'image-too-complex': {
    status: 422,
    title: 'The image takes too long, or too much memory, to decode',
    fix: 'Save the image again as a baseline JPEG (an animation as one of its frames), or scale it down.',
  },
  'image-too-small': {
    status: 422,
    title: 'The image is too small',
    fix: 'Send an image of at least 2 by 2 pixels.',
  },
  'text-too-long': {
    status: 413,
    title: 'The text is too long',
    fix: 'Shorten the text: only its first tokens reach the encoder anyway.',
  },
  'invalid-table': {
    status: 422,
    title: 'The values do not fit the head',
    fix: 'Send each column as the training data had it: a number, a category, or null where it is missing.',
  },
  'payload-too-large': {
    status: 413,
    title: 'The request is too large',
    fix: 'Send fewer or smaller items in one request.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The content type is not supported',
    fix: 'Send application/json or multipart/form-data.',
  },
  'remote-file': {
    status: 422,
    title: 'The address cannot be fetched',
    fix: 'Give a public http or https address that answers with the file itself, or upload the file.',
  },
  'not-found': {
    status: 404,
    title: 'There is nothing at this address',
    fix: 'GET /openapi.json lists every address.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'The address does not take this method',
    fix: 'GET /openapi.json lists the methods of every address.',
  },
  'expectation-failed': {
    status: 417,
    title: 'The expectation is not supported',
    fix: 'Send no Expect header, or Expect: 100-continue.',
  },
  'headers-too-large': {
    status: 431,
    title: 'The headers are too large',
    fix: 'Send fewer or shorter headers, or a shorter address.',
  },
  'request-timeout': {
    status: 408,
    title: 'The request did not arrive in time',
    fix: 'Send the request at once; open a connection only when there is one to send.',
  },
  unauthorized: {
    status: 401,
    title: 'A key is needed',
    fix: 'Send Authorization: Bearer with a key; `keys create` makes one on the server.',
  },
  forbidden: {
    status: 403,
    title: 'The key may not do this',
    fix: 'Use a key with the named scope; `keys create --scope` makes one on the server.',
  },
  'unknown-key': {
    status: 404,
    title: 'There is no such key',
    fix: 'The command `keys list` lists the keys.',
  },
  'unknown-encoder': {
    status: 404,
    title: 'There is no such encoder',
    fix: 'Name one that is there with --image-encoder or --text-encoder (`encoders list` lists them), or add it with `encoders add`.',
  },
  'invalid-encoder': {
    status: 422,
    title: 'The model cannot be used as an encoder',
    fix: 'Fix what the detail names; `encoders add --help` lists what can be said of a model.',
  },
  'model-download': {
    status: 502,
    title: 'The model cannot be downloaded',
    fix: 'Check the model’s name, and the address that --hub or HF_ENDPOINT names.',
  },
  'unknown-model': {
    status: 404,
    title: 'The hub has no such model for this server',
    fix: 'Check the model’s name and revision: OWNER/NAME@REVISION.',
  },
  'encoder-conflict': {
    status: 409,
    title: 'Another encoder has this name',
    fix: 'Give this one another name with --name, or remove the other with `encoders remove`.',
  },
  'encoder-in-use': {
    status: 409,
    title: 'The encoder is in use',
    fix: 'Delete the named heads first: they answer nothing without it. Encoders that ship with the program stay.',
  },
  'unknown-head': { status: 404, title: 'There is no such head', fix: 'GET /v1/heads lists the heads.' },
  'unknown-dataset': {
    status: 404,
    title: 'There is no such dataset',
    fix: 'GET /v1/datasets and the command `datasets list` name those imported; else name a folder that has a metadata.csv, a metadata.jsonl or one folder per class.',
  },
  'dataset-in-use': {
    status: 409,
    title: 'The dataset is in use',
    fix: 'Wait until the named job has ended, or cancel it.',
  },
  'remote-disabled': {
    status: 403,
    title: 'Addresses are not fetched here',
    fix: 'Upload the file itself, or start the server with --fetch-urls on.',
  },
  'unknown-job': { status: 404, title: 'There is no such job', fix: 'GET /v1/jobs lists the jobs.' },
  'invalid-dataset': {
    status: 422,
    title: 'The dataset cannot be used',
    fix: 'Fix the problems listed and retry. Nothing was changed.',
  },
  'output-conflict': {
    status: 409,
    title: 'The output cannot be written',
    fix: 'Name another file with --out.',
  },
  'invalid-recipe': {
    status: 422,
    title: 'The recipe does not fit the dataset',
    fix: 'Change the named choice, or leave it out.',
  },
  'head-conflict': {
    status: 409,
    title: 'The head does not fit',
    fix: 'Train the head again with the encoders that this server runs.',
  },
  'invalid-head': {
    status: 422,
    title: 'The file is no head that can be used',
    fix: 'Export the head again with `heads export` and bring that file unchanged.',
  },
  'head-stopped': {
    status: 503,
    title: 'The head was stopped',
    fix: 'Ask another version of it, or delete this one; where it is only slow, give it more time with --head-timeout.',
  },
  'data-in-use': {
    status: 503,
    title: 'Another process uses the data folder',
    fix: 'Stop the other server, or give this one a folder of its own with --data.',
  },
  'head-in-use': {
    status: 409,
    title: 'The version is in use',
    fix: 'Put the alias on another version first; versions that ship with the program stay.',
  },
  'damaged-artifact': {
    status: 500,
    title: 'A stored file is damaged',
    fix: 'Restore the named file from its source; its sha256 must match.',
  },
  'newer-store': {
    status: 503,
    title: 'A newer release has changed the store',
    fix: 'Start that release or a later one, or restore a backup that was made before the upgrade.',
  },
  'job-conflict': {
    status: 409,
    title: 'The job is in a state that does not allow this',
    fix: 'Only a job that failed or was cancelled can be tried again; else submit a new one.',
  },
  'storage-unavailable': {
    status: 503,
    title: 'The store cannot be reached or written to',
    fix: 'Fix what the detail names (disk space, rights, database, object store) and retry. Nothing was lost.',
  },
  'idempotency-mismatch': {
    status: 422,
    title: 'The Idempotency-Key belongs to another request',
    fix: 'Make a new key for each request; send the same one only with the same request.',
  },
  'idempotency-in-progress': {
    status: 409,
    title: 'The same request is being answered',
    fix: 'Send it again after the Retry-After seconds: then it gets the answer.',
  },
  'job-cancelled': {
    status: 409,
    title: 'The job was cancelled',
    fix: 'Submit it again if you still want it.',
  },
  'training-failed': {
    status: 500,
    title: 'The training did not finish',
    fix: 'Read the detail; the log has the whole story.',
  },
  overloaded: {
    status: 503,
    title: 'The server is at its limit',
    fix: 'Try again after the Retry-After seconds.',
  },
  'out-of-memory': {
    status: 503,
    title: 'There is no memory left to compute with',
    fix: 'Try again after the Retry-After seconds; where it goes on, let the server make smaller batches (--max-batch-pixels, --max-batch-tokens) or give it more memory.',
  },
  'rate-limited': {
    status: 429,
    title: 'Too many requests',
    fix: 'Try again after the Retry-After seconds, or send several items in one request.',
  },
  'deadline-exceeded': {
    status: 504,
    title: 'The request took too long',
    fix: 'Try again, or send fewer items in one request.',
  },
  closed: {
    status: 503,
    title: 'It is closed already',
    fix: 'Open another one with openTandem, and close it when nothing uses it any more.',
  },
  'not-ready': { status: 503, title: 'The server is not ready', fix: 'Wait until /readyz answers 200.' },
  internal: {
    status: 500,
    title: 'Something went wrong here',
    fix: 'Look for the request id in the server log.',
  },
} as const satisfies Record<string, { status: number; title: string; fix: string }>;

export type ErrorCode = keyof typeof errorTable;

/** One problem at one place: a row of a dataset, a field of a request, an item of a batch. */
export interface ErrorItem {
  /** Where it is: `row 12`, `inputs[3].image`, `TANDEM_PORT`. */
  at: string;
  detail: string;
}

/**
 * An error that a person can act on.
 * @example throw new TandemError('unknown-head', 'no head is named "ticket"; did you mean "tickets"?');
 */
export class TandemError extends Error {
  override readonly name = 'TandemError';
  readonly code: ErrorCode;
  readonly items: readonly ErrorItem[];
  /** What to do next; the table's unless there is better advice. */
  readonly fix: string;
  /** Seconds after which trying again makes sense. */
  readonly retryAfter?: number;

  constructor(
    code: ErrorCode,
    detail: string,
    options: { items?: readonly ErrorItem[]; retryAfter?: number; cause?: unknown; fix?: string } = {},
  ) {
    super(detail, { cause: options.cause });
    this.code = code;
    this.items = options.items ?? [];
    this.retryAfter = options.retryAfter;
    this.fix = options.fix ?? errorTable[code].fix;
  }

  /**
   * The same problem of one item of many, which is named.
   * @example error.at('input[3]') // input[3]: it is neither base64 nor a data URL
   */
  at(place: string): TandemError {
    const items = [{ at: place, detail: this.message }];
    return new TandemError(this.code, `${place}: ${this.message}`, { items, cause: this });
  }
}
