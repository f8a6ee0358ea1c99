import { z } from 'zod';
import { TandemError } from '../../../errors.ts';
import { type ExplainOptions, type Explanation, explainedParts } from '../../../heads/explanation.ts';
import { byModality } from '../../../modalities/registry.ts';
import { truthSchema } from '../../../targets/truth.ts';
import { formNumber } from '../../http/body.ts';

/** Items that one request has explained at most, and lines of a stream. */
export const mostExplained = 8;
export const mostExplainedLines = 64;

const label = z.string().min(1).max(1000).meta({
  description: 'The label whose probability is explained; the likeliest by default. Requires `explain`.',
});
const parts = z
  .int()
  .min(explainedParts.least)
  .max(explainedParts.most)
  .meta({
    description: `The most regions, and the most words, that are left out in turn, ${explainedParts.default} by default: each takes one more encode. Requires \`explain\`.`,
  });
const description = `Adds to each answer what it rests on. At most ${mostExplained} items of a request, and the first ${mostExplainedLines} of JSON lines, are explained.`;

/** What a request says of explanations, in JSON. */
export const explainFields = {
  explain: z.boolean().meta({ description }).optional(),
  explainLabel: label.optional(),
  explainParts: parts.optional(),
};

/** The same as text, in a form or an address. */
export const explainTexts = {
  explain: z
    .enum(['true', 'false'], 'must be true or false')
    .transform((text) => text === 'true')
    .meta({ description })
    .optional(),
  explainLabel: label.optional(),
  explainParts: formNumber(parts).optional(),
};

/** What such fields say. */
export interface ExplainFields {
  explain?: boolean;
  explainLabel?: string;
  explainParts?: number;
}

/**
 * What is asked of explanations; undefined where none is asked for.
 * @param items of the request
 * @throws TandemError `invalid-request` where there are more than are explained, or where fields have no effect
 * @example explainOptionsOf({ explain: true, explainParts: 16 }, 1) // { label: undefined, parts: 16 }
 */
export function explainOptionsOf(
  { explain = false, explainLabel: label, explainParts: parts }: ExplainFields,
  items: number,
): ExplainOptions | undefined {
  if (!explain) {
    const unused = Object.entries({ explainLabel: label, explainParts: parts }).filter(([, value]) => value);
    if (unused.length > 0)
      throw refused(
        unused.map(([at]) => at),
        'it has an effect with explain: true alone',
      );
    return undefined;
  }
  if (items > mostExplained)
    throw refused(
      ['explain'],
      `at most ${mostExplained} items of a request are explained, and it has ${items}; send fewer, or leave explain out`,
    );
  return { label, parts };
}

function refused(fields: readonly string[], detail: string): TandemError {
  const items = fields.map((at) => ({ at, detail }));
  return new TandemError('invalid-request', `${fields.join(', ')}: ${detail}`, { items });
}

const effect = z.number().meta({
  description: 'The answer less the answer without it: above 0 where it raises the answer.',
});

const modalityExplanations = byModality(({ part }) =>
  z
    .object({
      alone: z.number().meta({ description: 'The answer from this modality alone.' }),
      weight: z.number().optional().meta({
        description:
          'The weight of its own logits in the fused answer to a complete item; absent where the head is not calibrated.',
      }),
      effect: effect.optional(),
      parts: z.array(part ? z.intersection(part, z.object({ effect })) : z.object({ effect })).meta({
        description:
          'In their order: regions of an image in shares of its width and height as a person sees it; words of a text with their offsets in UTF-16 code units; columns of a table.',
      }),
    })
    .optional(),
);

/** An explanation as answers have it. */
export const explanationSchema = z
  .object({
    label: z.string().optional().meta({
      description: 'The label whose probability is explained; absent where the head says a number.',
    }),
    answer: z.number().meta({ description: 'That probability, or the number.' }),
    modalities: z.object(modalityExplanations),
    nearest: z
      .array(
        z.object({
          row: z.int(),
          truth: truthSchema,
          similarity: z.number().meta({
            description: 'Cosine of the features, all modalities joined: 1 where they are the same.',
          }),
          dataset: z.string().optional().meta({
            description: 'The id of its dataset, where that is still registered.',
          }),
          href: z.string().optional().meta({
            description: 'Where the example itself is, with a small image, for keys that may read datasets.',
          }),
        }),
      )
      .meta({
        description:
          'Training examples that the item resembles, the nearest first; none where the head keeps no training rows.',
      }),
    cost: z
      .object({ encodes: z.int(), milliseconds: z.number() })
      .meta({ description: 'What the explanation took beside the prediction.' }),
  })
  .meta({
    id: 'Explanation',
    description: 'What an answer rests on. Effects do not add up: parts act together.',
  }) as z.ZodType<Explanation>;
