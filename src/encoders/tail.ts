import type { Tail } from '../arl/tail.ts';
import { TandemError } from '../errors.ts';
import { withKnownShapes } from '../graph/import/cut.ts';
import { ImportedModel, type Weight } from '../graph/import/imported-model.ts';
import { trialShapes } from '../graph/import/trial-run.ts';
import { add, cast, multiply } from '../graph/operations/elementwise.ts';
import { reshape, split } from '../graph/operations/layout.ts';
import { greater } from '../graph/operations/selection.ts';
import { elementCount } from '../graph/shape.ts';
import { constant, dynamic, input, type Shape, type Value } from '../graph/value.ts';
import { itemAt, required, valueFor } from '../indexing.ts';
import type { Engine } from '../runtime/engine.ts';
import { cutForms } from './cut-form.ts';
import type { CutEncoder } from './trunk.ts';
import { everyWeight, type WeightUpdate } from './weight-update.ts';

/**
 * Reads the blocks behind a cut, to be trained with a head.
 * @param update how their weights are trained
 * @throws TandemError `invalid-recipe` naming the node that has no counterpart in the graph
 */
export async function openTail(
  engine: Engine,
  cut: CutEncoder,
  update: WeightUpdate = everyWeight,
): Promise<Tail> {
  const { start, tokens, modality } = cut;
  const { mask, given } = cutForms[modality];
  try {
    const inputs = given(required(cut.trunk.graph, 'the graph of the trunk'), tokens);
    const shapes = await trialShapes(engine, cut.trunk, inputs);
    const atCut = valueFor(shapes, start);
    const tail = withKnownShapes(
      cut.tail,
      start,
      new Map([...shapes, ...Object.entries(inputs).map(([name, { shape }]) => [name, shape] as const)]),
    );
    const taken = new Map([...Object.entries(inputs), [start, { type: 'float32', shape: atCut } as const]]);
    const names = (tail.graph?.input ?? []).map(({ name }) => name);
    const model = await ImportedModel.open(
      engine,
      tail,
      Object.fromEntries(names.map((name) => [name, valueFor(taken, name)])),
    );
    return tailOf(model, { start, mask, sizes: atCut.slice(1) }, update);
  } catch (error) {
    if (error instanceof TandemError) throw error;
    throw new TandemError(
      'invalid-recipe',
      `tune: the last ${cut.blocks} blocks of the ${modality} encoder cannot be trained: ${(error as Error).message}`,
      {
        fix: 'Tune fewer blocks, or train on the features as they are: leave --tune out.',
        cause: error,
      },
    );
  }
}

/** What the tail takes of a row. */
interface Begin {
  start: string;
  mask: string | undefined;
  /** Of the value at the cut, without the batch. */
  sizes: Shape;
}

function tailOf(model: ImportedModel, begin: Begin, update: WeightUpdate): Tail {
  const build = (rows: Value, learn: (weight: Weight) => Value | undefined) =>
    itemAt(Object.values(model.build(valuesOf(rows, begin), learn)), 0);
  const rowLength = elementCount(begin.sizes) + (begin.mask === undefined ? 0 : itemAt(begin.sizes, 0));
  const parameterShapes: Record<string, Shape> = {};
  build(input('rows', [dynamic, rowLength]), (weight) => {
    Object.assign(parameterShapes, update.parameterShapes(weight));
    return undefined;
  });
  return {
    ...{ rowLength, parameterShapes, learningRate: update.learningRate },
    features: (rows, parameter) => build(rows, (weight) => update.apply(weight, parameter)),
  };
}

/** The value at the cut and the mask, which stands behind each token of a row. */
function valuesOf(rows: Value, { start, mask, sizes }: Begin): Record<string, Value> {
  const batch = itemAt(rows.shape, 0);
  if (mask === undefined) return { [start]: reshape(rows, [batch, ...sizes]) };
  const [tokens, width] = [itemAt(sizes, 0), itemAt(sizes, 1)];
  const parts = split(reshape(rows, [batch, tokens, width + 1]), [width, 1], 2);
  const given = reshape(itemAt(parts, 1), [batch, tokens]);
  // Every text has a first token. So has the row of an example without one, or else a mean would divide by no tokens.
  const isFirst = Float32Array.from({ length: tokens }, (_, place) => Number(place === 0));
  const first = constant(isFirst, [1, tokens]);
  const others = constant(
    isFirst.map((value) => 1 - value),
    [1, tokens],
  );
  // Whatever numbers are given: a head that is imported is tried with all kinds.
  const shown = greater(add(multiply(given, others), first), constant(0.5));
  return { [start]: itemAt(parts, 0), [mask]: cast(shown, 'int64') };
}
