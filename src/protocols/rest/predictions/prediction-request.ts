import type { Request } from 'express';
import { z } from 'zod';
import { type ErrorCode, TandemError } from '../../../errors.ts';
import { decodeBase64Image } from '../../../modalities/image/base64.ts';
import { nothingToClassify } from '../../../modalities/registry.ts';
import { presentValues, tableText, tableValues } from '../../../modalities/table/values.ts';
import { formFile, formNumber, notText } from '../../http/body.ts';
import { boundedList } from '../../http/bounded-list.ts';
import { headReference } from '../../pipeline/path-names.ts';
import type { ReadInput } from '../../pipeline/read-input.ts';
import { type ExplainFields, explainFields, explainTexts } from './explanation-request.ts';

export interface PredictionLimits {
  /** Most items of one request. */
  maximumItems: number;
  /** Most characters of one text; default: 100,000. An encoder reads its first few hundred tokens at most. */
  maximumTextCharacters?: number;
}

export const topKSchema = z
  .int()
  .min(1)
  .max(1000)
  .meta({ description: 'How many labels to return.', example: 5 });
export const standardTopK = 5;
/** The default is not the schema's to fill in: the address may say another. */
const usualTopK = { default: standardTopK };

const imageUrl = z.string().max(8192).optional().meta({
  description:
    'Where the image can be fetched, instead of `image`; only where the server has `--fetch-urls on`.',
});

const tableMeta = {
  description:
    'Values by column: a number, a category, or null where it is missing; so is a column that is left out.',
};

const formFields = {
  head: headReference.optional(),
  topK: formNumber(topKSchema).optional().meta(usualTopK),
  ...explainTexts,
  text: z.string().optional(),
  table: tableText.meta({ override: { type: 'string' }, ...tableMeta, example: '{"price": 12}' }).optional(),
  imageUrl,
};
const formFieldsSchema = z.strictObject({ ...formFields, image: notText });

/** The form, for the API's description. */
export const formSchema = z
  .strictObject({ ...formFields, image: formFile('A JPEG, PNG, WebP, GIF, TIFF or AVIF file.').optional() })
  .meta({ id: 'PredictionForm' });

/** What a caller knows an item by. Integers beyond 2^53 would come back as other ones. */
export const itemId = z
  .union([z.string().max(200), z.int()], 'it must be a text of at most 200 characters, or an integer')
  .meta({ description: 'Comes back with the answer to the item.', example: 'listing-71' });
export type ItemId = z.infer<typeof itemId>;

/** One item as JSON. */
export const inputSchema = z.strictObject({
  id: itemId.optional(),
  image: z
    .string()
    .optional()
    .meta({ description: 'A JPEG, PNG, WebP, GIF, TIFF or AVIF file, as base64 or as a data URL.' }),
  imageUrl,
  text: z.string().optional(),
  table: tableValues.optional().meta(tableMeta),
});

/** A request as JSON. No inputs at all are `empty-request`, which is not for the schema to say. */
export function jsonSchema({ maximumItems }: PredictionLimits) {
  return z
    .strictObject({
      head: headReference.optional(),
      topK: topKSchema.optional().meta(usualTopK),
      ...explainFields,
      inputs: boundedList(inputSchema, { most: maximumItems }),
    })
    .meta({
      id: 'PredictionRequest',
      example: { head: 'emoji', topK: 3, inputs: [{ text: 'a slice of pizza' }] },
    });
}

/** What a request asks of a head. */
export interface Asked extends ExplainFields {
  head?: string;
  topK?: number;
}

/** A request for predictions. An item that cannot be read stands as its error in its place. */
export interface ParsedRequest extends Asked {
  inputs: (ReadInput | TandemError)[];
  /** What the items are known by; of a form nothing. */
  ids: readonly (ItemId | undefined)[];
}

/**
 * Makes the function that reads the body of a request that a body parser has been over.
 * It throws TandemError `empty-request`, and ZodError naming each bad field.
 * @example predictionReader({ maximumItems: 64, maximumTextCharacters: 100_000 })(request)
 */
export function predictionReader(limits: PredictionLimits): (request: Request) => ParsedRequest {
  const schema = jsonSchema(limits);
  return (request) => {
    if (request.is('multipart/form-data')) {
      const { text, table, imageUrl, image: _, ...asked } = formFieldsSchema.parse({ ...request.body });
      return {
        ...asked,
        ids: [],
        inputs: [checkInput({ content: { image: request.file?.buffer, text, table }, imageUrl }, '', limits)],
      };
    }
    const { inputs, ...asked } = schema.parse(request.body);
    if (inputs.length === 0)
      throw new TandemError('empty-request', 'inputs: there are none', {
        items: [{ at: 'inputs', detail: 'there are none' }],
      });
    return {
      ...asked,
      ids: inputs.map(({ id }) => id),
      inputs: inputs.map((input, index) => readInput(input, `inputs[${index}]`, limits)),
    };
  };
}

/** An item as JSON, decoded; or what is wrong with it. */
export function readInput(
  { image, imageUrl, text, table }: z.infer<typeof inputSchema>,
  at: string,
  limits: PredictionLimits,
): ReadInput | TandemError {
  const decoded = image === undefined ? undefined : decodeImage(image, `${at}.image`);
  return decoded instanceof TandemError
    ? decoded
    : checkInput({ content: { image: decoded, text, table }, imageUrl }, at, limits);
}

/** @param at the item's place in the request; empty where the request is the item */
function checkInput(
  input: ReadInput,
  at: string,
  { maximumTextCharacters }: PredictionLimits,
): ReadInput | TandemError {
  const { content, imageUrl } = input;
  const { image, text = '', table = {} } = content;
  if (image !== undefined && imageUrl !== undefined)
    return itemError('invalid-request', at || 'the request', 'it has both image and imageUrl');
  if (
    image === undefined &&
    imageUrl === undefined &&
    text.trim() === '' &&
    presentValues(table).length === 0
  )
    return itemError('empty-request', at || 'the request', nothingToClassify);
  return checkText(text, at ? `${at}.text` : 'text', maximumTextCharacters) ?? input;
}

/** Most characters of a text by default. */
const usualTextCharacters = 100_000;

/** The error of a text that is too long. */
export function checkText(
  text: string,
  at: string,
  maximumTextCharacters = usualTextCharacters,
): TandemError | undefined {
  if (text.length <= maximumTextCharacters) return undefined;
  return itemError(
    'text-too-long',
    at,
    `it has ${text.length} characters, ${maximumTextCharacters} are the limit`,
  );
}

function decodeImage(image: string, at: string): Buffer | TandemError {
  try {
    return decodeBase64Image(image);
  } catch (error) {
    return itemError('invalid-image', at, (error as Error).message);
  }
}

function itemError(code: ErrorCode, at: string, detail: string): TandemError {
  return new TandemError(code, `${at}: ${detail}`, { items: [{ at, detail }] });
}
