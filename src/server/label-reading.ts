import { z } from 'zod';
import { targetSchema } from './heads/head-routes.ts';

/** Fields of a request that say how the labels of a dataset are to be read. */
export const labelReading = {
  target: targetSchema.optional(),
  labelSeparator: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'What stands between the labels of a row that may have several.', example: '|' }),
};
