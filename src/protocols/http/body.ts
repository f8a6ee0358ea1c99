import type { NextFunction, Request, RequestHandler, Response } from 'express';
import multer, { MulterError } from 'multer';
import { z } from 'zod';
import { type ErrorCode, TandemError } from '../../errors.ts';
import { fileNameOf } from '../pipeline/plain-text.ts';
import { declaredLength, decompressorOf, hasNoBody, inviteBody, tooLarge } from './body-bytes.ts';
import { readJsonBody } from './json-body.ts';

/** Most text fields of a form. */
const mostFields = 16;

export interface BodyOptions {
  /** Largest body, all its parts together, in bytes. */
  maximumBytes: number;
  /** Largest body where it is JSON; default: as large as any other. */
  maximumJsonBytes?: number;
  /** Largest text of a form's field, in bytes; default: as large as the body. */
  maximumFieldBytes?: number;
  /** Name of the one file that a form may carry. */
  file: string;
  storage: multer.StorageEngine;
  /** What is wrong with a request that has no body. */
  whenEmpty: ErrorCode;
}

/**
 * Reads a body that is JSON or a form into `request.body` and `request.file`.
 * Passes on TandemError `payload-too-large`, `unsupported-media-type` or what `whenEmpty` says; what the parsers
 * throw is for {@link describeBodyError}.
 * @example readBody({ maximumBytes: 2 ** 20, file: 'image', storage: multer.memoryStorage(), whenEmpty: 'empty-request' })
 */
export function readBody({
  maximumBytes,
  maximumJsonBytes = maximumBytes,
  maximumFieldBytes = Number.POSITIVE_INFINITY,
  ...options
}: BodyOptions): RequestHandler {
  const readForm = formReader({ maximumBytes, maximumFieldBytes, ...options });
  return async (request, response, next) => {
    if (hasNoBody(request)) throw new TandemError(options.whenEmpty, 'the request has no body');
    if (request.is('application/json')) {
      request.body = await readJsonBody(request, response, maximumJsonBytes);
      return next();
    }
    if (!request.is('multipart/form-data')) {
      const given = request.get('Content-Type') ?? 'none';
      throw new TandemError('unsupported-media-type', `the content type is ${given}`);
    }
    readForm(request, response, next);
  };
}

function formReader({
  maximumBytes,
  maximumFieldBytes,
  storage,
  file,
}: Omit<BodyOptions, 'maximumJsonBytes' | 'whenEmpty'>) {
  return (request: Request, response: Response, next: NextFunction): void => {
    if ((declaredLength(request) ?? 0) > maximumBytes) throw tooLarge(maximumBytes);
    if (decompressorOf(request))
      throw new TandemError('unsupported-media-type', 'a form cannot come compressed', {
        fix: 'Send the form without a Content-Encoding.',
      });
    inviteBody(request, response);
    // Multer tells of an error once the whole body has come; a caller that sends too much is told at once.
    let isTold = false;
    const tell: NextFunction = (error?: unknown) => {
      if (isTold) return;
      isTold = true;
      next(error);
    };
    // @types/multer does not know streamHandler yet.
    const formOptions: multer.Options & { streamHandler: (request: Request, parser: Parser) => void } = {
      storage,
      // Browsers and curl send file names in UTF-8; busboy would read them as Latin-1.
      defParamCharset: 'utf8',
      // The size is limited as a whole, not for each part: many parts below a limit are still too much.
      limits: { files: 1, fields: mostFields, fieldSize: maximumFieldBytes },
      streamHandler(request, parser) {
        let bytes = 0;
        request.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes <= maximumBytes || isTold) return;
          parser.destroy(tooLarge(maximumBytes));
          tell(tooLarge(maximumBytes));
        });
        request.pipe(parser);
      },
    };
    multer(formOptions).single(file)(request, response, (error?: unknown) =>
      tell(error instanceof MulterError ? describeFormError(error, file) : error),
    );
  };
}

/** The field of a form that carries an upload, in every form that has one. */
const uploadField = 'file';

/**
 * The same for a body that may bring a large file: it is streamed to a folder, under a name of ours.
 * @example readUpload({ uploadFolder: 'data/uploads', maximumUploadBytes: 2 ** 30 })
 */
export function readUpload({
  uploadFolder,
  maximumUploadBytes,
}: {
  uploadFolder: string;
  maximumUploadBytes: number;
}): RequestHandler {
  return readBody({
    maximumBytes: maximumUploadBytes,
    maximumJsonBytes: 2 ** 16,
    maximumFieldBytes: 2 ** 16,
    file: uploadField,
    storage: multer.diskStorage({ destination: uploadFolder }),
    whenEmpty: 'invalid-request',
  });
}

/** A file that a form brought: where it lies, and how the caller calls it. */
export interface UploadedFile {
  path: string;
  name: string;
}

/**
 * The file of a form that {@link readUpload} has been over.
 * @throws TandemError `invalid-request` where the form has none, or its name contains a NUL character
 */
export function uploadedFile({ file }: Request): UploadedFile {
  if (file) return { path: file.path, name: fileNameOf(file) };
  const detail = `the form has no such file; send it in the field ${JSON.stringify(uploadField)}`;
  throw new TandemError('invalid-request', `${uploadField}: ${detail}`, {
    items: [{ at: uploadField, detail }],
    fix: `Send the file itself as a field of a form: curl -F ${uploadField}=@photos.zip`,
  });
}

/**
 * A body that {@link readUpload} has been over: JSON, or the text fields of a form and its file.
 * @param schemas of either
 * @throws ZodError naming each bad field; TandemError as {@link uploadedFile}
 * @example const body = readJsonOrForm(request, { json: jsonSchema, form: formFieldsSchema });
 */
export function readJsonOrForm<Json extends z.ZodType, Form extends z.ZodType>(
  request: Request,
  { json, form }: { json: Json; form: Form },
): { json: z.output<Json> } | { form: z.output<Form>; file: UploadedFile } {
  if (!request.is('multipart/form-data')) return { json: json.parse(request.body) };
  const fields = form.parse({ ...request.body });
  return { form: fields, file: uploadedFile(request) };
}

type Parser = NodeJS.WritableStream & { destroy(error: Error): void };

/**
 * What multer objects to, in words.
 * @param file name of the file that the form may carry
 */
function describeFormError(error: MulterError, file: string): TandemError {
  const detail =
    {
      LIMIT_UNEXPECTED_FILE: `the form takes one file, in the field ${JSON.stringify(file)}`,
      LIMIT_FILE_COUNT: `the form takes one file, in the field ${JSON.stringify(file)}`,
      LIMIT_FIELD_VALUE: 'the text is too long',
      LIMIT_FIELD_KEY: 'the name of a field is too long',
      LIMIT_FIELD_COUNT: `the form has more than ${mostFields} fields`,
      MISSING_FIELD_NAME: 'a part of the form has no name',
    }[error.code as string] ?? error.message;
  const { field } = error;
  return new TandemError('invalid-request', field ? `${field}: ${detail}` : detail, {
    items: field ? [{ at: field, detail }] : [],
    cause: error,
  });
}

/** What the body parsers throw, as one of ours; undefined for anything else. */
export function describeBodyError(error: unknown): TandemError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { message, code } = error as Error & { code?: string };
  if (/^(Z_|ERR__ERROR_)/.test(code ?? ''))
    return new TandemError('invalid-request', `the body is not what its content encoding says: ${message}`, {
      cause: error,
    });
  // What busboy throws has no mark of its own.
  if (/^(Multipart|Unexpected end of (form|multipart)|Malformed part)/.test(message))
    return new TandemError('invalid-request', `the form cannot be read: ${message}`, { cause: error });
  return undefined;
}

/** A whole number as a form sends it: in digits. */
export function formNumber<Schema extends z.ZodType<number, number>>(schema: Schema) {
  return z
    .string()
    .regex(/^-?\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(schema);
}

/** A file of a form, for the API's description. */
export function formFile(description: string) {
  return z.string().meta({ override: { type: 'string', format: 'binary', description } });
}

/** Stands for a form's file among its text fields, where it must not be. */
export const notText = z.undefined({ error: 'must be a file, not text' }).optional();
