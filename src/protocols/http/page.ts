import { z } from 'zod';

const pageNumber = (least: number, most: number, fallback: number) =>
  z.coerce.number().int().min(least).max(most).default(fallback);

/** Which part of a long list is asked for. */
export const pageQuerySchema = z.strictObject({
  offset: pageNumber(0, Number.MAX_SAFE_INTEGER, 0).meta({ example: 0 }),
  limit: pageNumber(1, 200, 50).meta({ example: 50 }),
});
