import type { ZodOpenApiOperationObject } from 'zod-openapi';
import { type ErrorCode, errorTable, TandemError } from '../../errors.ts';
import { describeProblem, problemSchema } from './problems.ts';

/** What each problem may look like, for the API's description. A code that an operation names needs one. */
const exampleDetails = {
  'empty-request': 'inputs[0]: it has neither image, text nor table',
  'invalid-request': 'topK: must be at least 1',
  'invalid-image': 'the image is incomplete or damaged',
  'image-too-large': 'the image is 16000 by 16000 pixels',
  'image-too-complex': 'the JPEG has more than 24 scans at 50.0 megapixels',
  'image-too-small': 'the image is 1 by 1 pixels',
  'text-too-long': 'inputs[0].text: it has 1000000 characters, 100000 are the limit',
  'invalid-table':
    'table.price: the text "cheap" is there, and a number was trained; send a number, or null where it is missing',
  'payload-too-large': 'the request is larger than 20 MiB',
  'unsupported-media-type': 'the content type is text/csv',
  'not-found': 'no problem is called "hunger"',
  'idempotency-mismatch': 'this Idempotency-Key came with another request before',
  'idempotency-in-progress': 'the same request is not answered yet',
  unauthorized: 'the request has no key',
  forbidden: 'this needs a key with the scope train; yours has predict',
  'unknown-head': 'no head is named "pets"; there are: emoji',
  'unknown-dataset': 'no dataset is named "pets"; there are: plants',
  'invalid-dataset': 'pets has 2 problems',
  'invalid-recipe': 'variance: the strategy late looks at none, arl alone does; leave it out',
  'dataset-in-use': 'the job 5b0e1d3e-4f0b-4c53-9d0f-6a2f5c0e7a11 trains on it',
  'remote-file': 'http://10.0.0.1/pets.zip: it leads to an address that is not on the open internet',
  'remote-disabled': 'this server fetches no addresses',
  'unknown-job': 'no job has the id "7"',
  'job-conflict': 'the job is running',
  'storage-unavailable': 'the disk is full: ENOSPC: no space left on device, write',
  'head-in-use': 'pets@3 is pets@production',
  'unknown-encoder':
    'there is no encoder "bge"; there are: all-MiniLM-L6-v2, efficientnet-lite0, efficientnet-lite0-whole',
  'invalid-encoder': 'two runs of the same item differ by 12 %',
  'unknown-model': 'some-lab/tiny@main: the hub answers 404: Repository not found',
  'model-download': 'some-lab/tiny@main: the hub cannot be reached',
  'encoder-conflict': 'data/encoders/1f80900f3cb7 is called bge-small-en-v1.5 as well',
  'encoder-in-use': 'bge-small-en-v1.5 makes the features of pets@3',
  'invalid-head': 'head.onnx does not have the sha256 that the manifest says',
  'head-conflict':
    'emoji@1 was trained on features of the image encoder efficientnet-lite0-whole (9421d83d926b), which is not here',
  'damaged-artifact': 'models/heads/emoji/1/head.onnx does not have the sha256 that its manifest says',
  'head-stopped': 'pets@3 gave no answer within 5000 ms',
  overloaded: '512 items are waiting',
  'out-of-memory': 'there was no memory for a batch of 64, nor for halves of it',
  'rate-limited': 'more than 600 requests within a minute',
  'deadline-exceeded': 'no answer within 30000 ms',
  'not-ready': 'the encoders or the heads do not answer',
  internal: 'an unexpected error; the log has it under this request’s id',
} as const satisfies Partial<Record<ErrorCode, string>>;

type DescribedCode = keyof typeof exampleDetails;
type Responses = NonNullable<ZodOpenApiOperationObject['responses']>;

/** Those that come with seconds after which to try again. */
const transient: ReadonlySet<ErrorCode> = new Set([
  'overloaded',
  'out-of-memory',
  'head-stopped',
  'rate-limited',
  'storage-unavailable',
]);

/** What any operation may answer with: a query that is malformed, a server that is late, a store that is away. */
const general = ['invalid-request', 'overloaded', 'storage-unavailable', 'internal'] as const;

const exampleId = '2f1c6a52-5a6e-4d6f-9a43-0f3e8f6f8f10';
const retryAfter = {
  'Retry-After': {
    description: 'Seconds after which to try again.',
    schema: { type: 'integer', minimum: 1 },
  },
} as const;

/** What any operation may answer with that encodes images and texts. */
export const encodingProblems = [
  'empty-request',
  'invalid-request',
  'payload-too-large',
  'unsupported-media-type',
  'image-too-large',
  'image-too-complex',
  'text-too-long',
  'invalid-image',
  'image-too-small',
  'overloaded',
  'out-of-memory',
  'deadline-exceeded',
] as const;

/** The same where a head answers. */
export const predictionProblems = [
  ...encodingProblems,
  'invalid-table',
  'unknown-head',
  'head-conflict',
  'damaged-artifact',
  'head-stopped',
] as const;

/** What an operation may answer with that takes an Idempotency-Key. */
export const idempotencyProblems = ['idempotency-mismatch', 'idempotency-in-progress'] as const;

/**
 * The problems that an operation may answer with, by status; those that any may end with are always among them.
 * @example problemResponses('unknown-job') // { '404': …, '500': … }
 */
export function problemResponses(...codes: DescribedCode[]): Responses {
  return responsesOf([...new Set([...codes, ...general])]);
}

/** The same of these problems alone. */
export function responsesOf(codes: readonly DescribedCode[]): Responses {
  const byStatus = Map.groupBy(codes, (code) => String(errorTable[code].status));
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      {
        description: group.map((code) => `${code}: ${errorTable[code].title}.`).join(' '),
        ...(group.some((code) => transient.has(code)) && { headers: retryAfter }),
        content: {
          'application/problem+json': {
            schema: problemSchema,
            examples: Object.fromEntries(
              group.map((code) => [
                code,
                {
                  value: describeProblem(new TandemError(code, exampleDetails[code]), {
                    instance: exampleId,
                  }),
                },
              ]),
            ),
          },
        },
      },
    ]),
  );
}
