import type { z } from 'zod';
import { type ErrorItem, TandemError } from '../../errors.ts';

/** Most fields that one error names. */
const mostFields = 20;

/**
 * What is wrong with a value that does not fit its schema, field by field, the first 20 of them.
 * @example
 * const parsed = schema.safeParse(body);
 * if (!parsed.success) throw describeFields(parsed.error); // invalid-request: topK: Too small: …
 */
export function describeFields(error: z.ZodError): TandemError {
  const items = itemsOf(error).take(mostFields).toArray();
  const others = countOf(error) - items.length;
  const named = items.map((item) => `${item.at}: ${item.detail}`).join('; ');
  return new TandemError('invalid-request', others > 0 ? `${named}; and ${others} more` : named, { items });
}

function* itemsOf({ issues }: z.ZodError): Generator<ErrorItem, void> {
  for (const issue of issues)
    if (issue.code === 'unrecognized_keys')
      for (const key of issue.keys)
        yield { at: fieldName([...issue.path, key]), detail: 'there is no such field' };
    else yield { at: fieldName(issue.path), detail: issue.message };
}

function countOf({ issues }: z.ZodError): number {
  return issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0);
}

/** @example fieldName(['inputs', 3, 'image']) // 'inputs[3].image' */
function fieldName(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the request';
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part)}`))
    .join('');
}
