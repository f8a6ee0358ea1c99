import { emitFunction } from '../graph/emit.ts';
import { multiply, subtract } from '../graph/operations/elementwise.ts';
import { constant, dynamic, input } from '../graph/value.ts';
import { type HeadArchitecture, parameterShapes } from './architecture.ts';
import { headLogits } from './objective.ts';
import type { Parameters } from './parameters.ts';

/** How a modality's features are standardised before they reach its adapter: `(x - mean) · factor`, each [D_m]. */
export interface FeatureScaling {
  mean: Float32Array;
  factor: Float32Array;
}

/** The output that holds the fused logits. */
export const fusedOutput = 'fused';
/** The output that holds a modality's own logits. */
export const unimodalOutput = (modality: string) => `unimodal.${modality}`;

/**
 * Writes a trained head as an ONNX model: from raw features, an input [n, D_m] for each modality under its name, to
 * the logits [n, C], fused and of every modality alone.
 * @returns the bytes of head.onnx
 */
export function emitHead(
  architecture: HeadArchitecture,
  modalities: readonly string[],
  scaling: readonly FeatureScaling[],
  parameters: Parameters<Float32Array>,
): Uint8Array {
  const inputs = architecture.dimensions.map((D, m) => input(modalities[m], [dynamic, D]));
  const x = inputs.map((feature, m) => {
    const shape = [architecture.dimensions[m]];
    return multiply(subtract(feature, constant(scaling[m].mean, shape)), constant(scaling[m].factor, shape));
  });
  const shapes = Object.entries(parameterShapes(architecture));
  const weights = Object.fromEntries(
    shapes.map(([name, shape]) => [name, constant(parameters[name], shape)]),
  );
  const { fused, unimodal } = headLogits(architecture, x, weights);
  return emitFunction(inputs, {
    [fusedOutput]: fused,
    ...Object.fromEntries(unimodal.map((logits, m) => [unimodalOutput(modalities[m]), logits])),
  });
}
