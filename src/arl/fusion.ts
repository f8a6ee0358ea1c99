import { add, multiply, sigmoid, sumOf } from '../graph/operations/elementwise.ts';
import { stopGradient } from '../graph/operations/gradient.ts';
import { reshape } from '../graph/operations/layout.ts';
import { batchedMatmul, gemm } from '../graph/operations/linear.ts';
import type { Shape, Value } from '../graph/value.ts';
import { itemAt } from '../indexing.ts';
import { type Parameters, parameterOf } from './parameters.ts';
import type { TargetLoss } from './target-loss.ts';

export interface Logits {
  /** `f` [B, C]. */
  fused: Value;
  /** `u_m` [B, C] for each modality: what the fusion says when it is given that modality alone. */
  unimodal: Value[];
}

/** A fusion `F(z_1 … z_M)` and its shared auxiliary predictors, which have no parameters of their own (Sec. 3.3). */
export interface Fusion {
  /** How many modalities it joins; any number where absent. */
  modalities?: number;
  parameterShapes(modalities: number, hidden: number, classes: number): Parameters<Shape>;
  logits(z: readonly Value[], parameters: Parameters, target: TargetLoss): Logits;
}

/** `[z_1; …; z_M] W + b`. W is kept as its blocks of rows W_m, so that `u_m = z_m W_m + b` and nothing is cut or joined. */
const concat: Fusion = {
  parameterShapes: (modalities, hidden, classes) => ({
    ...weights(modalities, hidden, classes),
    'fusion.bias': [classes],
  }),
  logits(z, parameters) {
    const bias = parameterOf(parameters, 'fusion.bias');
    const products = z.map((value, m) => gemm(value, parameterOf(parameters, `fusion.${m}.weight`)));
    return { fused: add(sumOf(products), bias), unimodal: products.map((product) => add(product, bias)) };
  },
};

/** `Σ (z_m W_m + b_m)`. */
const sum: Fusion = {
  parameterShapes: (modalities, hidden, classes) => ({
    ...weights(modalities, hidden, classes),
    ...biases(modalities, classes),
  }),
  logits(z, parameters) {
    const unimodal = z.map((value, m) => linear(value, parameters, `fusion.${m}`));
    return { fused: sumOf(unimodal), unimodal };
  },
};

/** `Σ (z_m W + b)`: one predictor for all modalities. */
const share: Fusion = {
  parameterShapes: (_, hidden, classes) => ({ 'fusion.weight': [hidden, classes], 'fusion.bias': [classes] }),
  logits(z, parameters) {
    const unimodal = z.map((value) => linear(value, parameters, 'fusion'));
    return { fused: sumOf(unimodal), unimodal };
  },
};

/** Late fusion: predictors that share nothing, their predictions averaged. It is a baseline, and no gradient passes `f`. */
const late: Fusion = {
  parameterShapes: sum.parameterShapes,
  logits(z, parameters, target) {
    const unimodal = z.map((value, m) => linear(value, parameters, `fusion.${m}`));
    return { fused: stopGradient(target.average(unimodal)), unimodal };
  },
};

/** `out(σ(P_1 z_1) ⊙ P_2 z_2)`, and each modality gates itself when it is alone. Two modalities. */
const gated: Fusion = {
  modalities: 2,
  parameterShapes: (modalities, hidden, classes) => ({
    ...weights(modalities, hidden, hidden),
    ...biases(modalities, hidden),
    'fusion.out.weight': [hidden, classes],
    'fusion.out.bias': [classes],
  }),
  logits(z, parameters) {
    const projected = z.map((value, m) => linear(value, parameters, `fusion.${m}`));
    const out = (gate: Value, value: Value) =>
      linear(multiply(sigmoid(gate), value), parameters, 'fusion.out');
    return {
      fused: out(itemAt(projected, 0), itemAt(projected, 1)),
      unimodal: projected.map((value) => out(value, value)),
    };
  },
};

/** `out(fc(vec(z_1 z_2ᵀ)))`, and each modality's product with itself when it is alone. Two modalities. */
const bilinear: Fusion = {
  modalities: 2,
  parameterShapes: (_, hidden, classes) => ({
    'fusion.weight': [hidden * hidden, hidden],
    'fusion.bias': [hidden],
    'fusion.out.weight': [hidden, classes],
    'fusion.out.bias': [classes],
  }),
  logits(z, parameters) {
    const out = (a: Value, b: Value) => {
      const [batch, hidden] = [itemAt(a.shape, 0), itemAt(a.shape, 1)];
      const outer = batchedMatmul(reshape(a, [batch, hidden, 1]), reshape(b, [batch, 1, hidden]));
      return linear(
        linear(reshape(outer, [batch, hidden * hidden]), parameters, 'fusion'),
        parameters,
        'fusion.out',
      );
    };
    return { fused: out(itemAt(z, 0), itemAt(z, 1)), unimodal: z.map((value) => out(value, value)) };
  },
};

export type FusionName = 'concat' | 'sum' | 'share' | 'late' | 'gated' | 'bilinear';
export const fusions: Readonly<Record<FusionName, Fusion>> = { concat, sum, share, late, gated, bilinear };

function linear(x: Value, parameters: Parameters, name: string): Value {
  return gemm(x, parameterOf(parameters, `${name}.weight`), {
    bias: parameterOf(parameters, `${name}.bias`),
  });
}

function weights(modalities: number, inputs: number, outputs: number): Parameters<Shape> {
  return perModality(modalities, 'weight', [inputs, outputs]);
}

function biases(modalities: number, outputs: number): Parameters<Shape> {
  return perModality(modalities, 'bias', [outputs]);
}

function perModality(modalities: number, suffix: string, shape: Shape): Parameters<Shape> {
  return Object.fromEntries(Array.from({ length: modalities }, (_, m) => [`fusion.${m}.${suffix}`, shape]));
}
