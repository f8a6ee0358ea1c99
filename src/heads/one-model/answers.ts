import { fusedOutput, unimodalOutput } from '../../arl/ports.ts';
import { emitFunction } from '../../graph/emit.ts';
import {
  add,
  atLeast,
  cast,
  divide,
  multiply,
  reciprocal,
  scale,
  sumOf,
} from '../../graph/operations/elementwise.ts';
import { greater, where } from '../../graph/operations/selection.ts';
import { constant, dynamic, input, type Value } from '../../graph/value.ts';
import { itemAt } from '../../indexing.ts';
import type { TargetKind } from '../../targets/target-kind.ts';
import { targets } from '../../targets/targets.ts';
import { leastShare, tiny } from '../known-modalities.ts';

/** The output with the answers to what an item has. */
export const answersOutput = 'answers';
/** The output with what a modality says alone. */
export const answersAlone = (modality: string) => `${modality}_answers`;
/** The input [n, 1], bool, that says which items have a modality; heads of one modality have none. */
export const presenceInput = (modality: string) => `has_${modality}`;

/**
 * Writes what a server does behind head.onnx as a model: from the logits [n, C], fused and of each modality alone, and which
 * modalities each item has, to the answers, as `Classifier.classify` gives them.
 * @param modalities in the head's order
 * @returns the bytes of an .onnx file
 * @example emitAnswers(['image', 'text'], { target: 'single', labels: 8 })
 */
export function emitAnswers(
  modalities: readonly string[],
  { target, labels }: { target: TargetKind; labels: number },
): Uint8Array {
  const { activate, entropy } = targets[target].inGraph;
  const logits = (name: string) => input(name, [dynamic, labels]);
  const fused = logits(fusedOutput);
  const unimodal = modalities.map((modality) => logits(unimodalOutput(modality)));
  const alone = unimodal.map(activate);
  const named = Object.fromEntries(
    modalities.map((modality, index) => [answersAlone(modality), itemAt(alone, index)]),
  );
  if (modalities.length === 1)
    return emitFunction([fused, ...unimodal], { [answersOutput]: activate(fused), ...named });
  const presence = modalities.map((modality) => input(presenceInput(modality), [dynamic, 1], 'bool'));
  const has = presence.map((value) => cast(value, 'float32'));
  const known = answerOfKnown(alone, has, entropy);
  const isComplete = greater(sumOf(has), constant(modalities.length - 0.5));
  return emitFunction([fused, ...unimodal, ...presence], {
    [answersOutput]: where(isComplete, activate(fused), known),
    ...named,
  });
}

/**
 * The answer to items that have some of the modalities, as `answerOfKnown` of known-modalities.ts has it.
 * @param answers of each modality [n, C]
 * @param has 1 where an item has the modality, else 0: [n, 1]
 */
function answerOfKnown(
  answers: readonly Value[],
  has: readonly Value[],
  entropy: ((answer: Value) => Value) | undefined,
): Value {
  const uncertainties = answers.map((answer, m) =>
    multiply(entropy ? add(entropy(answer), constant(tiny)) : constant(1), itemAt(has, m)),
  );
  const total = sumOf(uncertainties);
  const least = scale(reciprocal(atLeast(sumOf(has), 1)), leastShare);
  const inverse = uncertainties.map((value, m) =>
    multiply(reciprocal(maximum(divide(value, total), least)), itemAt(has, m)),
  );
  const all = sumOf(inverse);
  return sumOf(answers.map((answer, m) => multiply(answer, divide(itemAt(inverse, m), all))));
}

function maximum(a: Value, b: Value): Value {
  return where(greater(a, b), a, b);
}
