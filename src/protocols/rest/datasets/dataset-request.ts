import type { Request } from 'express';
import { z } from 'zod';
import { required } from '../../../indexing.ts';
import { formFile, notText, readJsonOrForm } from '../../http/body.ts';
import { plainText } from '../../pipeline/plain-text.ts';
import type { DatasetUpload } from '../../pipeline/services.ts';
import { rowReading } from '../row-reading.ts';

const fields = {
  name: plainText
    .min(1)
    .max(200)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be in a name
    .regex(/^[^\u0000-\u001f\u007f-\u009f]*$/, 'must have no control characters')
    .optional()
    .meta({ description: 'Else the name of the file.', example: 'pets' }),
  ...rowReading,
};

const formFieldsSchema = z.strictObject({ ...fields, file: notText });
export const formSchema = z
  .strictObject({
    ...fields,
    file: formFile(
      'A zip or tar file of the dataset, or a table (CSV, TSV, JSON lines, JSON, Parquet or Excel) that holds its images.',
    ),
  })
  .meta({ id: 'DatasetForm' });
export const jsonSchema = z
  .strictObject({
    ...fields,
    url: plainText.optional().meta({ description: 'Address of such a file, where the server fetches any.' }),
    folder: z
      .string()
      .regex(/^[\w][\w.-]*$/, 'must be the name of a folder among the server’s datasets')
      .optional(),
  })
  .refine(({ url, folder }) => (url === undefined) !== (folder === undefined), 'name either url or folder')
  .meta({ id: 'DatasetRequest', example: { folder: 'pets', labelColumn: 'kind' } });

export const querySchema = z.strictObject({
  dryRun: z
    .enum(['true', 'false'])
    .optional()
    .meta({ description: 'Only check: list every problem, keep nothing.', example: 'true' }),
});

/**
 * Reads the body of a request for a dataset that a body parser has been over.
 * @throws ZodError naming each bad field; TandemError `invalid-request` where the file is missing
 */
export function parseDatasetRequest(request: Request): DatasetUpload {
  const body = readJsonOrForm(request, { json: jsonSchema, form: formFieldsSchema });
  if ('json' in body) {
    const { url, folder, ...options } = body.json;
    return { source: url === undefined ? { folder: required(folder, 'the folder') } : { url }, options };
  }
  const { file: _, ...options } = body.form;
  return { source: { file: body.file.path, fileName: body.file.name }, options };
}
