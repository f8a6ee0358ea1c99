import type { Tail } from '../arl/tail.ts';
import { TandemError } from '../errors.ts';
import { ImportedModel, type Weight } from '../graph/import/imported-model.ts';
import { trialRun } from '../graph/import/trial-run.ts';
import { add, cast } from '../graph/operations/elementwise.ts';
import { reshape, split } from '../graph/operations/layout.ts';
import { constant, dynamic, input, type Shape, type Value } from '../graph/value.ts';
import { itemAt, valueFor } from '../indexing.ts';
import type { Engine } from '../runtime/engine.ts';
import { type CutEncoder, textInputs } from './trunk.ts';

/**
 * Reads the blocks behind a cut, to be trained with a head.
 * @returns the tail, and the width of a token at the cut
 * @throws TandemError `invalid-recipe` naming the node that has no counterpart in the graph
 */
export async function openTail(engine: Engine, cut: CutEncoder): Promise<{ tail: Tail; width: number }> {
  const { start, tokens } = cut;
  const ofTokens = { type: 'int64', shape: [dynamic, tokens] } as const;
  try {
    const { shapes } = await trialRun(engine, cut.trunk, {
      [textInputs.ids]: ofTokens,
      [textInputs.mask]: ofTokens,
    });
    const [, length, width, ...more] = valueFor(shapes, start);
    if (length !== tokens || width === undefined || more.length > 0)
      throw new Error(`${start} is [${valueFor(shapes, start)}], not one row for each token`);
    const model = await ImportedModel.open(engine, cut.tail, {
      [start]: { type: 'float32', shape: [dynamic, tokens, width] },
      [textInputs.mask]: ofTokens,
    });
    return { tail: tailOf(model, cut, width), width };
  } catch (error) {
    if (error instanceof TandemError) throw error;
    throw new TandemError(
      'invalid-recipe',
      `tune: the last ${cut.blocks} blocks cannot be trained: ${(error as Error).message}`,
      {
        fix: 'Tune fewer blocks, or train on the features as they are: leave --tune out.',
        cause: error,
      },
    );
  }
}

function tailOf(model: ImportedModel, { start, tokens }: CutEncoder, width: number): Tail {
  const rowLength = tokens * (width + 1);
  const build = (rows: Value, learn: (weight: Weight) => Value | undefined) => {
    const batch = itemAt(rows.shape, 0);
    const parts = split(reshape(rows, [batch, tokens, width + 1]), [width, 1], 2);
    const mask = cast(reshape(itemAt(parts, 1), [batch, tokens]), 'int64');
    const outputs = model.build({ [start]: itemAt(parts, 0), [textInputs.mask]: mask }, learn);
    return itemAt(Object.values(outputs), 0);
  };
  const parameterShapes: Record<string, Shape> = {};
  build(input('rows', [dynamic, rowLength]), ({ name, shape }) => {
    parameterShapes[name] = shape;
    return undefined;
  });
  return {
    rowLength,
    parameterShapes,
    features: (rows, moved) =>
      build(rows, ({ name, shape, initial }) => movedFrom(constant(initial, shape), moved(name))),
  };
}

/** The weight where it has moved to; of a constant, computed here, so that a head holds it once. */
function movedFrom(initial: ReturnType<typeof constant>, by: Value): Value {
  if (by.kind !== 'constant') return add(initial, by);
  const [from, distance] = [initial.data as Float32Array, by.data as Float32Array];
  return constant(
    from.map((value, index) => value + (distance[index] ?? Number.NaN)),
    initial.shape,
  );
}
