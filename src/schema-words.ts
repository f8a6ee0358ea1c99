import type { z } from 'zod';
import type { ErrorItem } from './errors.ts';

type Issue = z.core.$ZodIssue;

/** How zod begins the messages that a schema has no words of its own for. */
const zodsOwn = /^(Invalid|Too (small|big)|Unrecognized)\b/;

const nouns: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
  date: 'a date',
  null: 'null',
  undefined: 'undefined',
};

/**
 * What is wrong with a value that does not fit its schema, in words of ours, field by field: a sentence says what the value
 * must be. Messages that a schema brings itself stay as they are.
 * @param whole what the value as a whole is called
 * @example describeIssues(schema.safeParse({ topK: 0 }).error) // [{ at: 'topK', detail: 'must be at least 1' }]
 */
export function* describeIssues(
  { issues }: z.core.$ZodError,
  whole = 'the request',
): Generator<ErrorItem, void> {
  for (const issue of issues)
    if (issue.code === 'unrecognized_keys')
      for (const key of issue.keys)
        yield { at: fieldName([...issue.path, key]), detail: 'there is no such field; leave it out' };
    else yield { at: issue.path.length === 0 ? whole : fieldName(issue.path), detail: issueInWords(issue) };
}

/**
 * The same in one line.
 * @example issuesInOneLine(error, 'head.json') // 'labels: is missing; it must be a list'
 */
export function issuesInOneLine(error: z.core.$ZodError, whole: string): string {
  return describeIssues(error, whole)
    .map(({ at, detail }) => `${at}: ${detail}`)
    .toArray()
    .join('; ');
}

/**
 * One problem of a value, in words.
 * @example issueInWords(issue) // 'must be a whole number'
 */
export function issueInWords(issue: Issue): string {
  if (!zodsOwn.test(issue.message)) return issue.message;
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue.expected, issue.message);
    case 'too_small':
      return bound(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum);
    case 'too_big':
      return bound(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum);
    case 'invalid_value':
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(inQuotes).join(', ')}`;
    case 'invalid_format':
      return issue.format === 'regex' ? `must match ${issue.pattern}` : `must be a valid ${issue.format}`;
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'invalid_union':
      return oneOf(issue.errors);
    default:
      return 'is not valid';
  }
}

/** @param message zod's, which alone says what came instead */
function wrongType(expected: string, message: string): string {
  const [, received = ''] = /received (\S+)$/.exec(message) ?? [];
  if (received === 'undefined') return `is missing; it must be ${nouns[expected] ?? expected}`;
  // Of a text that is to be read as a number, and of a number that is to be whole, it says nothing new.
  const isPlain = received === 'NaN' || expected === 'int' || !(received in nouns);
  return `must be ${nouns[expected] ?? expected}${isPlain ? '' : `, not ${nouns[received]}`}`;
}

/** @example bound('string', 'at most', 3) // 'must have at most 3 characters' */
function bound(origin: string, relation: string, limit: number | bigint): string {
  if (origin === 'number' || origin === 'int' || origin === 'bigint') return `must be ${relation} ${limit}`;
  if (limit === 1 && relation === 'at least') return 'must not be empty';
  return `must have ${relation} ${limit} ${origin === 'string' ? 'characters' : 'items'}`;
}

/** @param errors what each alternative says */
function oneOf(errors: readonly (readonly Issue[])[]): string {
  const said = errors.flatMap(([first]) => (first && first.path.length === 0 ? [issueInWords(first)] : []));
  const [, received = ''] = /(, not .+)$/.exec(said[0] ?? '') ?? [];
  const [first, ...others] = new Set(said.map((words) => words.replace(received, '')));
  if (first === undefined) return 'is not valid';
  return `${[first, ...others.map((words) => words.replace(/^(it )?must be /, ''))].join(' or ')}${received}`;
}

function inQuotes(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

/** @example fieldName(['inputs', 3, 'image']) // 'inputs[3].image' */
function fieldName(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part)}`))
    .join('');
}
