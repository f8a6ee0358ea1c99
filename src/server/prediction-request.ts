import type { Request } from 'express';
import { z } from 'zod';
import { TandemError } from '../errors.ts';
import type { PredictionInput } from '../inference/prediction.ts';

/** Most items of one request. */
const maximumItems = 64;
/** Most characters of one text. An encoder reads its first few hundred tokens at most. */
const maximumTextCharacters = 100_000;

const headReference = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}(@(\d+|latest))?$/, 'must be a name, name@version or name@latest')
  .meta({ description: 'Which head answers: `name`, `name@3` or `name@latest`.', example: 'emoji' });
const topK = z.coerce
  .number()
  .int()
  .min(1)
  .max(1000)
  .meta({ description: 'How many labels to return.', example: 5 });

const common = { head: headReference.optional(), topK: topK.default(5) };

export const jsonRequestSchema = z
  .strictObject({
    ...common,
    inputs: z
      .array(
        z.strictObject({
          image: z
            .string()
            .optional()
            .meta({ description: 'A JPEG, PNG or WebP file, as base64 or as a data URL.' }),
          text: z.string().optional(),
        }),
      )
      .min(1)
      .max(maximumItems),
  })
  .meta({
    id: 'PredictionRequest',
    example: { head: 'emoji', topK: 3, inputs: [{ text: 'a slice of pizza' }] },
  });

const multipartFieldsSchema = z.strictObject({ ...common, text: z.string().optional() });

/** The multipart form, for the API's description. */
export const multipartRequestSchema = multipartFieldsSchema.extend({
  image: z
    .string()
    .optional()
    .meta({ override: { type: 'string', format: 'binary' } }),
});

/** A request for predictions. An item that cannot be read stands as its error in its place. */
export interface ParsedRequest {
  head?: string;
  topK: number;
  inputs: (PredictionInput | TandemError)[];
}

/**
 * Reads the body of a request that a body parser has been over.
 * @throws ZodError naming each bad field
 */
export function parsePredictionRequest(request: Request): ParsedRequest {
  if (request.is('multipart/form-data')) {
    const { head, topK, text } = multipartFieldsSchema.parse({ ...request.body });
    return { head, topK, inputs: [checkText({ image: request.file?.buffer, text }, 'text')] };
  }
  const { head, topK, inputs } = jsonRequestSchema.parse(request.body);
  const items = inputs.map(({ image, text }, index) => {
    const decoded = image === undefined ? undefined : decodeImage(image, `inputs[${index}].image`);
    return decoded instanceof TandemError
      ? decoded
      : checkText({ image: decoded, text }, `inputs[${index}].text`);
  });
  return { head, topK, inputs: items };
}

function checkText(input: PredictionInput, at: string): PredictionInput | TandemError {
  const characters = input.text?.length ?? 0;
  if (characters <= maximumTextCharacters) return input;
  return itemError(
    'text-too-long',
    at,
    `it has ${characters} characters, ${maximumTextCharacters} are the limit`,
  );
}

/** Strict, because Buffer.from drops what is not base64 without a word. */
function decodeImage(image: string, at: string): Buffer | TandemError {
  const base64 = image.replace(/^data:[^,]*;base64,/, '');
  if (base64.startsWith('data:')) return itemError('invalid-picture', at, 'its data URL is not base64');
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64))
    return itemError('invalid-picture', at, 'it is neither base64 nor a data URL');
  return Buffer.from(base64, 'base64');
}

function itemError(code: 'text-too-long' | 'invalid-picture', at: string, detail: string): TandemError {
  return new TandemError(code, `${at}: ${detail}`, { items: [{ at, detail }] });
}
