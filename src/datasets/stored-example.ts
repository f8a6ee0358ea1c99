import { z } from 'zod';
import { TandemError } from '../errors.ts';
import type { TargetKind } from '../targets/target.ts';
import { targets } from '../targets/targets.ts';
import { type Truth, truthSchema } from '../targets/truth.ts';
import type { Example } from './example.ts';

/** An example as it is kept: its picture by content. */
export type StoredExample = Omit<Example, 'image'>;

/** How the labels of a kept dataset are to be read: earlier releases kept them joined by the separator. */
export interface StoredReading {
  id: string;
  target: TargetKind;
  labelSeparator?: string;
}

const content = {
  row: z.int(),
  imageHash: z.string().optional(),
  perceptualHash: z.string().optional(),
  text: z.string().optional(),
  split: z.enum(['train', 'test']).optional(),
};
const schema = z.union([
  z.object({ ...content, truth: truthSchema }),
  z.object({ ...content, label: z.string() }),
]);

/** An example as a line of the file that it is kept in. */
export function formatStored({ image: _, ...example }: Example): string {
  return `${JSON.stringify(example)}\n`;
}

/**
 * Reads such a line, of this release or an earlier one.
 * @throws TandemError `damaged-artifact`
 * @example readStored('{"row":2,"text":"a cat","truth":{"class":"cat"}}', record).truth // { class: 'cat' }
 */
export function readStored(line: string, reading: StoredReading): StoredExample {
  try {
    const stored = schema.parse(JSON.parse(line));
    if ('truth' in stored) return stored;
    const { label, ...example } = stored;
    return { ...example, truth: truthOf(label, reading) };
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
