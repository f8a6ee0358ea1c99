import { inParts } from '../graph/in-parts.ts';
import type { Shape, Value } from '../graph/value.ts';
import { itemAt } from '../indexing.ts';
import { type Parameters, parameterOf } from './parameters.ts';

/**
 * The last blocks of an encoder, which are trained with the head: they make a modality's features of what the blocks below
 * them give. Parameters say how far weights have moved from where they were pretrained: at the start they have not, and weight
 * decay pulls towards the pretrained weights (Li, Grandvalet and Davoine 2018).
 */
export interface Tail {
  /** Length of the rows that the blocks below give. */
  rowLength: number;
  /** The learning rate that suits its parameters. */
  learningRate: number;
  /** By names of the tail's own. */
  parameterShapes: Parameters<Shape>;
  /**
   * The features [n, D] of rows [n, rowLength].
   * @param parameter of the tail, by its own name
   */
  features(rows: Value, parameter: (name: string) => Value): Value;
}

/** What the names of the adapters' first matrices end in: those begin at random, all other parameters of a tail at zero. */
export const adapterInput = '.down';

/** The tail of each modality's encoder; undefined where the features themselves are given. */
export type Tails = readonly (Tail | undefined)[];

/**
 * The tail as it trains in less memory: on a part of the batch after the other, each computed twice. The head, and with it
 * the statistics of ARL and the bound on the gradient, are of the whole batch still; what adds up over the parts are the
 * gradients of the blocks.
 * @param parts must divide the batch
 */
export function tailInParts(tail: Tail, parts: number): Tail {
  const names = Object.keys(tail.parameterShapes);
  const features: Tail['features'] = (rows, parameter) =>
    inParts(parts, rows, names.map(parameter), (part, learnt) =>
      tail.features(part, (name) => itemAt(learnt, names.indexOf(name))),
    );
  return { ...tail, features };
}

/** The name of a tail's parameter among the head's. */
export function tailParameter(m: number, name: string): string {
  return `tail.${m}.${name}`;
}

/** Whether a parameter of the head is a tail's. */
export function isTailParameter(name: string): boolean {
  return name.startsWith('tail.');
}

/** The features of each modality, from what is given of each. */
export function passTails(
  tails: Tails | undefined,
  given: readonly Value[],
  parameters: Parameters,
): readonly Value[] {
  return given.map(
    (rows, m) =>
      tails?.[m]?.features(rows, (name) => parameterOf(parameters, tailParameter(m, name))) ?? rows,
  );
}

/** The shapes of the tails' parameters, by their names in the head. */
export function tailShapes(tails: Tails = []): Parameters<Shape> {
  return Object.fromEntries(
    tails.flatMap((tail, m) =>
      Object.entries(tail?.parameterShapes ?? {}).map(([name, shape]) => [tailParameter(m, name), shape]),
    ),
  );
}

/** The lengths of the rows that a head is given. */
export function givenLengths(dimensions: readonly number[], tails: Tails = []): number[] {
  return dimensions.map((_, m) => tails[m]?.rowLength ?? itemAt(dimensions, m));
}
