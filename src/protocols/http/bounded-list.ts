import { z } from 'zod';

/**
 * A list whose length is checked before its elements are: each of a million invalid elements would be an issue of its own.
 * @param options.tooFew, options.tooMany messages of their own
 * @example inputs: boundedList(inputSchema, { most: 64 })
 */
export function boundedList<Element extends z.ZodType>(
  element: Element,
  { least = 0, most, tooFew, tooMany }: { least?: number; most: number; tooFew?: string; tooMany?: string },
) {
  const list = z.array(element).min(least, tooFew).max(most, tooMany);
  return z.preprocess((value, context) => {
    if (!Array.isArray(value) || value.length <= most) return value;
    context.addIssue({
      code: 'custom',
      message: tooMany ?? `must have at most ${most} items`,
    });
    return z.NEVER;
  }, list);
}
