import type { RequestHandler } from 'express';
import { z } from 'zod';
import { zeroShotSchema } from '../../../heads/manifest.ts';
import { pretrainedNames } from '../../../modalities/registry.ts';
import { encoderNames, zeroShotFields } from '../../../training/choices.ts';
import type { ZeroShotSummary } from '../../../training/zero-shot/zero-shot-head.ts';
import { basePathOf } from '../../http/base-path.ts';
import { readJson } from '../../http/json-body.ts';
import { idempotencyProblems, problemResponses } from '../../http/problem-responses.ts';
import { readPath } from '../../http/query.ts';
import type { Route } from '../../http/route.ts';
import { departure } from '../../pipeline/deadline.ts';
import { idempotencyHeader, once } from '../../pipeline/idempotency.ts';
import type { AppOptions } from '../../pipeline/options.ts';
import { headName } from '../../pipeline/path-names.ts';
import type { Services } from '../../pipeline/services.ts';
import { takenEncoders, targetSchema } from './head-routes.ts';

const nameParameter = { path: z.object({ name: headName }) };
const fingerprint = '5f4dcc3b5aa765d61d8327deb882cf9900000000000000000000000000000000';

/** Texts that a request may have encoded: they are encoded beside predictions. */
const mostTexts = 5000;
const mostBytes = 2 ** 21;

const requestSchema = z
  .strictObject({
    labels: zeroShotFields.labels.meta({ description: 'Two or more; of `multi` one or more.' }),
    templates: zeroShotFields.templates.meta({
      description:
        'Texts with `{}` in place of the label; of several a label is the mean. Default: `This is a photo of {}.` of a pair of encoders, else the label alone.',
    }),
    target: zeroShotFields.target.meta({
      description:
        'One label, or each label by itself, which takes a bias as SigLIP has, and answers from images alone; default: `single`.',
    }),
    logitScale: zeroShotFields.logitScale.meta({
      description: 'What cosines are multiplied by; default: the pair’s own.',
    }),
    logitBias: zeroShotFields.logitBias.meta({
      description: 'Of `multi`: what is added to them; default: the pair’s own.',
    }),
    imageEncoder: encoderNames.imageEncoder.meta({
      description: 'Id of the image encoder; default: the server’s.',
    }),
    textEncoder: encoderNames.textEncoder.meta({
      description: 'Id of the text encoder, which encodes the labels as well; default: the server’s.',
    }),
  })
  .refine(({ labels, templates = [] }) => labels.length * Math.max(1, templates.length) <= mostTexts, {
    path: ['labels'],
    error: `labels and templates make more than ${mostTexts} texts; the command heads zero-shot takes more`,
  })
  .meta({
    id: 'ZeroShotRequest',
    example: {
      labels: ['cat', 'dog', 'a red car'],
      templates: ['a photo of {}'],
      imageEncoder: 'clip',
      textEncoder: 'clip',
    },
  });

const summarySchema = z
  .object({
    head: z.string(),
    version: z.int(),
    target: targetSchema,
    labels: z.array(z.string()),
    modalities: z
      .array(z.enum(pretrainedNames))
      .meta({ description: 'What it answers from: images and texts of a pair of encoders, else texts.' }),
    encoders: takenEncoders,
    zeroShot: zeroShotSchema.meta({ description: 'How the labels became the head.' }),
  })
  .meta({
    id: 'ZeroShotHead',
    example: {
      ...{ head: 'animals', version: 1, target: 'single', labels: ['cat', 'dog', 'a red car'] },
      modalities: ['image', 'text'],
      encoders: [
        { modality: 'image', id: 'clip', dimension: 512, fingerprint: '0d107d09…' },
        { modality: 'text', id: 'clip', dimension: 512, fingerprint },
      ],
      zeroShot: {
        ...{ templates: ['a photo of {}'], textEncoder: { id: 'clip', fingerprint } },
        ...{ logitScale: 100, logitBias: 0 },
      },
    },
  }) satisfies z.ZodType<ZeroShotSummary>;

/** `POST /v1/heads/{name}/zero-shot`. */
export function zeroShotRoute({ versions }: Services, { idempotency }: AppOptions): Route {
  const make: RequestHandler<Record<string, string>> = async (request, response) => {
    const { name } = readPath(request, nameParameter);
    const asked = requestSchema.parse(request.body);
    const made = await versions.zeroShot(name, asked, departure(response));
    response
      .status(201)
      .location(`${basePathOf(request)}/v1/heads/${made.head}`)
      .json(made);
  };
  return {
    method: 'post',
    path: '/v1/heads/{name}/zero-shot',
    scope: 'train',
    operation: {
      operationId: 'makeZeroShotHead',
      summary: 'Make a head of the names of its labels, without any example',
      description:
        'It serves before any training, as the next version of its name. A pair of encoders (CLIP, SigLIP) answers from images, texts and both; any other text encoder answers from texts, by the label whose name is nearest.',
      requestParams: { ...nameParameter, header: idempotencyHeader },
      requestBody: { required: true, content: { 'application/json': { schema: requestSchema } } },
      responses: {
        '201': {
          description: 'The version that it is now.',
          content: { 'application/json': { schema: summarySchema } },
        },
        ...problemResponses(
          'invalid-request',
          'empty-request',
          'unknown-encoder',
          'payload-too-large',
          'unsupported-media-type',
          'out-of-memory',
          ...idempotencyProblems,
        ),
      },
    },
    handlers: [readJson(mostBytes), once(idempotency), make],
  };
}
