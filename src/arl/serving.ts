import { emitFunction } from '../graph/emit.ts';
import { add, multiply, scale, subtract, sumOf } from '../graph/operations/elementwise.ts';
import { constant, dynamic, input, type Value } from '../graph/value.ts';
import { itemAt } from '../indexing.ts';
import { type HeadArchitecture, parameterShapes } from './architecture.ts';
import type { Logits } from './fusion.ts';
import { headLogits } from './objective.ts';
import { type Parameters, parameterOf } from './parameters.ts';
import { companionInput, embeddingOutput, fusedOutput, unimodalOutput } from './ports.ts';
import { type Prototypes, prototypeLogits } from './prototypes.ts';
import { givenLengths, passTails } from './tail.ts';

/** How a modality's features are standardised before they reach its adapter: `(x - mean) · factor`, each [D_m]. */
export interface FeatureScaling {
  mean: Float32Array;
  factor: Float32Array;
}

/** How a trained head's logits are weighted for the answer. Without calibration: the fused logits alone, unweighted. */
export interface HeadCalibration {
  /** Of the fused answer to a complete example: the weight of the fused logits, then of each modality's own (if M > 1). */
  fused: number[];
  /** Of each modality's own answer: its inverse temperature. */
  unimodal: number[];
  /** By modality: of the logits of its prototypes in the fused answer, and in its own; absent where it has none. */
  prototypes?: Readonly<Record<string, { fused: number; unimodal: number } | undefined>>;
}

/** Mean and standard deviation of the numbers that a head for numbers was taught, both [C]. */
export interface OutputScaling {
  mean: Float32Array;
  deviation: Float32Array;
}

/** What a head's model has beside what was trained. */
export interface EmittedParts {
  calibration?: HeadCalibration;
  output?: OutputScaling;
  /** By modality; the calibration says what their answers weigh. */
  prototypes?: Readonly<Record<string, Prototypes | undefined>>;
}

/**
 * Writes a trained head as an ONNX model: from raw features, an input [n, D_m] for each modality under its name (or what
 * the blocks below its tail give), to
 * the logits [n, C], fused and of every modality alone, weighted as the calibration says, and
 * numbers in the unit that they were taught in; and of each tail the features [n, D_m] that it makes.
 * @param modalities of each feature vector; the second one of a modality is its companion, and what the modality says alone
 *   is the mean of both
 * @returns the bytes of head.onnx
 */
export function emitHead(
  architecture: HeadArchitecture,
  modalities: readonly string[],
  scaling: readonly FeatureScaling[],
  parameters: Parameters<Float32Array>,
  { calibration, output, prototypes = {} }: EmittedParts = {},
): Uint8Array {
  const { dimensions, tails } = architecture;
  const distinct = [...new Set(modalities)];
  const shapes = Object.entries(parameterShapes(architecture));
  const weights = Object.fromEntries(
    shapes.map(([name, shape]) => [name, constant(parameterOf(parameters, name), shape)]),
  );
  const inputs = givenLengths(dimensions, tails).map((length, m) => {
    const modality = itemAt(modalities, m);
    const isCompanion = modalities.indexOf(modality) < m;
    return input(isCompanion ? companionInput(modality) : modality, [dynamic, length]);
  });
  const features = passTails(tails, inputs, weights);
  const x = features.map((feature, m) => {
    const shape = [itemAt(dimensions, m)];
    const { mean, factor } = itemAt(scaling, m);
    return multiply(subtract(feature, constant(mean, shape)), constant(factor, shape));
  });
  const logits = headLogits(architecture, x, weights);
  const alone = distinct.map((name) =>
    meanOf(logits.unimodal.filter((_, m) => itemAt(modalities, m) === name)),
  );
  const others = distinct.map((name) => {
    const [own, weights] = [prototypes[name], calibration?.prototypes?.[name]];
    if (!own || !weights) return undefined;
    return { weights, logits: prototypeLogits(itemAt(inputs, modalities.indexOf(name)), own) };
  });
  const blended = blend(calibrated({ fused: logits.fused, unimodal: alone }, calibration), others);
  const { fused, unimodal } = scaled(blended, output);
  return emitFunction(inputs, {
    [fusedOutput]: fused,
    ...Object.fromEntries(unimodal.map((logits, m) => [unimodalOutput(itemAt(distinct, m)), logits])),
    ...Object.fromEntries(
      features.flatMap((made, m) => (tails?.[m] ? [[embeddingOutput(itemAt(modalities, m)), made]] : [])),
    ),
  });
}

function meanOf(values: readonly Value[]): Value {
  return values.length === 1 ? itemAt(values, 0) : scale(sumOf([...values]), 1 / values.length);
}

function calibrated({ fused, unimodal }: Logits, calibration?: HeadCalibration): Logits {
  if (!calibration) return { fused, unimodal };
  const predictions = [fused, ...unimodal];
  return {
    fused: sumOf(calibration.fused.map((weight, index) => scale(itemAt(predictions, index), weight))),
    unimodal: unimodal.map((logits, m) => scale(logits, itemAt(calibration.unimodal, m))),
  };
}

/** @param others of each modality's prototypes, where it has any */
function blend(
  { fused, unimodal }: Logits,
  others: readonly ({ logits: Value; weights: { fused: number; unimodal: number } } | undefined)[],
): Logits {
  const known = others.filter((one) => one !== undefined);
  return {
    fused: sumOf([fused, ...known.map(({ logits, weights }) => scale(logits, weights.fused))]),
    unimodal: unimodal.map((own, m) => {
      const one = others[m];
      return one ? add(own, scale(one.logits, one.weights.unimodal)) : own;
    }),
  };
}

function scaled({ fused, unimodal }: Logits, output?: OutputScaling): Logits {
  if (!output) return { fused, unimodal };
  const { mean, deviation } = output;
  const shape = [mean.length];
  const inUnit = (logits: Value) => add(multiply(logits, constant(deviation, shape)), constant(mean, shape));
  return { fused: inUnit(fused), unimodal: unimodal.map(inUnit) };
}
