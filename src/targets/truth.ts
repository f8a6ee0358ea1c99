import { z } from 'zod';
import { itemAt } from '../indexing.ts';

export const truthSchema = z
  .union([
    z.strictObject({ class: z.string() }),
    z.strictObject({ classes: z.array(z.string()) }),
    z.strictObject({ values: z.array(z.number()).min(1) }),
  ])
  .meta({
    id: 'Truth',
    description:
      'What is true of an example: its label, its labels, or its number. Which it is depends on the target.',
  });

/** What is true of an example: its one label, all its labels in order of code units, or its numbers. */
export type Truth = z.infer<typeof truthSchema>;

/** The labels of an example; none where numbers are learnt. @example labelsOf({ class: 'cat' }) // ['cat'] */
export function labelsOf(truth: Truth): readonly string[] {
  if ('class' in truth) return [truth.class];
  return 'classes' in truth ? truth.classes : [];
}

/**
 * The number of an example.
 * @throws RangeError where it has labels
 */
export function numberOf(truth: Truth): number {
  return itemAt('values' in truth ? truth.values : [], 0);
}

/** The truth without saying what kind it is of: `'cat'`, `['big', 'red']` or `[1.5]`. */
export function contentOf(truth: Truth): string | readonly string[] | readonly number[] {
  if ('class' in truth) return truth.class;
  return 'classes' in truth ? truth.classes : truth.values;
}

/** The same text for the same truth, and another one for any other truth of the target. */
export function keyOf(truth: Truth): string {
  return JSON.stringify(contentOf(truth));
}

/** For people to read; empty where there is no label. @example textOf({ classes: ['big', 'red'] }) // 'big, red' */
export function textOf(truth: Truth): string {
  return 'values' in truth ? truth.values.join(', ') : labelsOf(truth).join(', ');
}
