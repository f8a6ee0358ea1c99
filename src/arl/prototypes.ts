import { emitFunction } from '../graph/emit.ts';
import { add, divide, multiply, scale, sqrt, sumOf } from '../graph/operations/elementwise.ts';
import { gemm } from '../graph/operations/linear.ts';
import { sum } from '../graph/operations/reduction.ts';
import { constant, dynamic, input, type Value } from '../graph/value.ts';
import { itemAt } from '../indexing.ts';
import { fusedOutput, unimodalOutput } from './ports.ts';

/**
 * A classifier that no example taught: each class is a direction w_c in the space of a modality's features, and its logit
 * `scale · cos(x, w_c) + bias`. Of CLIP (Radford et al. 2021) w_c is the features of a text that names the class, of SigLIP
 * (Zhai et al. 2023) as well.
 */
export interface Prototypes {
  /** w_c [C, D], each of length 1. */
  rows: Float32Array;
  /** D. */
  dimension: number;
  scale: number;
  bias: number;
}

/** Keeps features that are all zero from being divided by zero. */
const tiny = 1e-24;

/** The logits [n, C] of prototypes. @param x raw features [n, D] */
export function prototypeLogits(x: Value, { rows, dimension, scale, bias }: Prototypes): Value {
  const length = sqrt(add(sum(multiply(x, x), [1], { keepAxes: true }), constant(tiny)));
  const weights = constant(rows, [rows.length / dimension, dimension]);
  return gemm(divide(x, length), weights, {
    transposeB: true,
    alpha: scale,
    bias: constant(Float32Array.of(bias), [1]),
  });
}

/**
 * Writes a head of prototypes alone, with the inputs and outputs that `emitHead` gives a trained one. What it says of several
 * modalities together is the mean of their logits, a product of experts.
 * @param prototypes by modality, in the head's order
 * @returns the bytes of head.onnx
 * @example emitPrototypes({ image: { rows, dimension: 512, scale: 100, bias: 0 } });
 */
export function emitPrototypes(prototypes: Readonly<Record<string, Prototypes>>): Uint8Array {
  const named = Object.entries(prototypes).map(([modality, own]) => {
    const x = input(modality, [dynamic, own.dimension]);
    return { modality, x, logits: prototypeLogits(x, own) };
  });
  const unimodal = named.map(({ logits }) => logits);
  const fused = unimodal.length === 1 ? itemAt(unimodal, 0) : scale(sumOf(unimodal), 1 / unimodal.length);
  return emitFunction(
    named.map(({ x }) => x),
    {
      [fusedOutput]: fused,
      ...Object.fromEntries(named.map(({ modality, logits }) => [unimodalOutput(modality), logits])),
    },
  );
}
