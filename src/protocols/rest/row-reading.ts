import { plainText } from '../pipeline/plain-text.ts';
import { targetSchema } from './heads/head-routes.ts';

const column = (holds: string) =>
  plainText
    .min(1)
    .optional()
    .meta({ description: `Name of the column that holds ${holds}.` });

/** Fields of a request that say how the rows of a dataset are to be read. */
export const rowReading = {
  imageColumn: column('the picture: a file’s name, base64 or a data URL; `file_name` unless said'),
  textColumn: column('the text; `text` unless said'),
  labelColumn: column('the label; `label` unless said'),
  target: targetSchema.optional(),
  labelSeparator: plainText.min(1).optional().meta({
    description:
      'Multi-label: what separates the labels of a row whose label is one text. Each item of a list is one label, whatever it contains.',
    example: '|',
  }),
};
