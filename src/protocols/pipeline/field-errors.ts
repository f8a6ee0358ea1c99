import type { z } from 'zod';
import { TandemError } from '../../errors.ts';
import { describeIssues } from '../../schema-words.ts';

/** Most fields that one error names. */
const mostFields = 20;

/**
 * What is wrong with a value that does not fit its schema, field by field, the first 20 of them.
 * @example
 * const parsed = schema.safeParse(body);
 * if (!parsed.success) throw describeFields(parsed.error); // invalid-request: topK: must be at least 1
 */
export function describeFields(error: z.ZodError): TandemError {
  const items = describeIssues(error).take(mostFields).toArray();
  const others = countOf(error) - items.length;
  const named = items.map((item) => `${item.at}: ${item.detail}`).join('; ');
  return new TandemError('invalid-request', others > 0 ? `${named}; and ${others} more` : named, { items });
}

function countOf({ issues }: z.ZodError): number {
  return issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0);
}
