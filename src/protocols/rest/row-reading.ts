import { z } from 'zod';
import { imageChoices, rareLabelChoices } from '../../datasets/example.ts';
import { boundedList } from '../http/bounded-list.ts';
import { plainText } from '../pipeline/plain-text.ts';
import { targetSchema } from './heads/head-routes.ts';

const columnName = plainText.min(1);
const column = (holds: string) =>
  columnName.optional().meta({ description: `Name of the column that holds ${holds}.` });

/** Names of columns: a list, or one text with commas between them. */
const columnNames = z.union([
  z
    .string()
    .max(10_000)
    .transform((names) => names.split(',').map((name) => name.trim())),
  boundedList(columnName, { most: 100 }),
]);

/** Fields of a request that say how the rows of a dataset are to be read. */
export const rowReading = {
  imageColumn: column('the image: a file’s name, base64 or a data URL; default: `file_name`'),
  textColumn: column('the text; default: `text`'),
  tableColumns: columnNames.optional().meta({
    description:
      'Names of further columns with numbers or categories: a list, or one text with commas between them.',
    example: 'price,brand',
  }),
  labelColumn: column('the label; default: `label`'),
  splitColumn: column('`train` or `test`; default: `split`'),
  groupColumn: column('a group: rows of one group stay on one side of a split'),
  images: z.enum(imageChoices).optional().meta({
    description:
      'Of several images in a row: read the first (the default), or each as an example of one group.',
  }),
  ignoredColumns: columnNames.optional().meta({
    description: 'Names of columns that are not read, whatever they are called.',
    example: 'path,notes',
  }),
  skipBadRows: z
    .union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')])
    .optional()
    .meta({ description: 'Leave out rows that cannot be used, instead of refusing the dataset.' }),
  rareLabels: z.enum(rareLabelChoices).optional().meta({
    description:
      'Of labels with too few examples to be both learnt and tested: refuse the dataset (the default), leave their examples out, or train on them.',
  }),
  target: targetSchema.optional(),
  labelSeparator: plainText.min(1).optional().meta({
    description:
      'Multi-label: what separates the labels of a row whose label is one text. Each item of a list is one label, whatever it contains.',
    example: '|',
  }),
};
