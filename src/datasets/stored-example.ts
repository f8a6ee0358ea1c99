import { z } from 'zod';
import { TandemError } from '../errors.ts';
import {
  earlierContent,
  readEarlierContent,
  type StoredContent,
  storeContent,
  storedContent,
} from '../modalities/content.ts';
import type { TargetKind } from '../targets/target-kind.ts';
import { targets } from '../targets/targets.ts';
import { type Truth, truthSchema } from '../targets/truth.ts';
import type { Example } from './example.ts';

/** An example as it is kept: files by content. */
export interface StoredExample extends Omit<Example, 'content'> {
  content: StoredContent;
}

/** How the labels of a kept dataset are to be read: earlier releases kept them joined by the separator. */
export interface StoredReading {
  id: string;
  target: TargetKind;
  labelSeparator?: string;
}

const common = { row: z.int(), split: z.enum(['train', 'test']).optional(), group: z.string().optional() };
const earlier = { ...common, ...earlierContent.shape, content: z.undefined().optional() };
const schema = z.union([
  z.object({ ...common, content: storedContent, truth: truthSchema }),
  z.object({ ...earlier, truth: truthSchema }),
  z.object({ ...earlier, label: z.string() }),
]);

/** An example as a line of the file that it is kept in. */
export function formatStored({ content, ...example }: Example): string {
  return `${JSON.stringify({ ...example, content: storeContent(content) })}\n`;
}

/**
 * Reads such a line, of this release or an earlier one.
 * @throws TandemError `damaged-artifact`
 * @example readStored('{"row":2,"content":{"text":"a cat"},"truth":{"class":"cat"}}', record).truth // { class: 'cat' }
 */
export function readStored(line: string, reading: StoredReading): StoredExample {
  try {
    const stored = schema.parse(JSON.parse(line));
    if (stored.content) return stored;
    const { row, split } = stored;
    const truth = 'truth' in stored ? stored.truth : truthOf(stored.label, reading);
    return { row, content: readEarlierContent(stored), truth, ...(split && { split }) };
  } catch (cause) {
    throw new TandemError('damaged-artifact', `an example of the dataset ${reading.id} cannot be used`, {
      cause,
    });
  }
}

function truthOf(label: string, { target, labelSeparator = '|' }: StoredReading): Truth {
  const read = targets[target].read(label, { name: 'the label', separator: labelSeparator });
  if ('problem' in read) throw new Error(read.problem);
  return read;
}
