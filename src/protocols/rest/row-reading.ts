import { plainText } from '../pipeline/plain-text.ts';
import { targetSchema } from './heads/head-routes.ts';

const column = (holds: string) =>
  plainText
    .min(1)
    .optional()
    .meta({ description: `Name of the column that holds ${holds}.` });

/** Fields of a request that say how the rows of a dataset are to be read. */
export const rowReading = {
  imageColumn: column('the image: a file’s name, base64 or a data URL; default: `file_name`'),
  textColumn: column('the text; default: `text`'),
  labelColumn: column('the label; default: `label`'),
  target: targetSchema.optional(),
  labelSeparator: plainText.min(1).optional().meta({
    description:
      'Multi-label: what separates the labels of a row whose label is one text. Each item of a list is one label, whatever it contains.',
    example: '|',
  }),
};
