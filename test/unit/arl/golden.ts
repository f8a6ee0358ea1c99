import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { HeadArchitecture } from '../../../src/arl/architecture.ts';
import type { FusionName } from '../../../src/arl/fusion.ts';
import type { VarianceProxy } from '../../../src/arl/objective.ts';
import type { StrategyName } from '../../../src/arl/strategy.ts';
import type { TargetKind } from '../../../src/targets/target-kind.ts';

type Nested = number | Nested[];

export interface BatchCase {
  fusion: FusionName;
  strategy: StrategyName;
  warmUp: boolean;
  /** The place of the modality that reaches most alone. */
  dominant?: number;
  gamma: number;
  temperature: number;
  hidden: number;
  classes: number;
  inputs: number[][][];
  target: TargetKind;
  variance: VarianceProxy;
  smoothing: number;
  /** The inputs of further passes, for the variance that dropout shows. */
  passes?: number[][][][];
  /** How much each example counts. */
  weights?: number[];
  labels: number[] | number[][];
  parameters: Record<string, Nested>;
  fusedLogits: number[][];
  unimodalLogits: number[][][];
  statistics: Record<'entropy' | 'target' | 'dependence' | 'coefficient', number[]>;
  losses: { fused: number; unimodal: number[]; total: number };
  gradients: Record<string, Nested>;
  ogm?: { alpha: number; coefficient: number[] };
}

export interface TrajectoryCase {
  optimizer: 'sgd' | 'adamw';
  learningRate: number;
  momentum: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  clipNorm: number;
  gamma: number;
  temperature: number;
  steps: number;
  warmUpSteps: number;
  fusion: FusionName;
  hidden: number;
  classes: number;
  /** By modality, [steps, batch, dimension]. */
  inputs: number[][][][];
  labels: number[][];
  initial: Record<string, Nested>;
  final: Record<string, Nested>;
  log: ({ total: number; gradientNorm: number } & BatchCase['statistics'])[];
}

/** A golden file: float64 values from PyTorch autograd. */
export function readGolden<Case>(name: string): Case {
  return JSON.parse(readFileSync(new URL(`../../fixtures/arl/${name}.json`, import.meta.url), 'utf8'));
}

export function flat(value: Nested | readonly Nested[]): number[] {
  return Array.isArray(value) ? value.flatMap((item) => flat(item)) : [value as number];
}

/** The golden files keep concat's W whole; the code keeps its blocks of rows, one for each modality. */
export function splitFusionWeight(
  golden: Record<string, Nested>,
  { fusion, hidden, dimensions }: Pick<HeadArchitecture, 'fusion' | 'hidden' | 'dimensions'>,
): Record<string, number[]> {
  const entries = Object.entries(golden).flatMap(([name, value]) => {
    if (fusion !== 'concat' || name !== 'fusion.weight') return [[name, flat(value)] as const];
    return dimensions.map(
      (_, m) =>
        [`fusion.${m}.weight`, flat((value as Nested[]).slice(m * hidden, (m + 1) * hidden))] as const,
    );
  });
  return Object.fromEntries(entries);
}

/** Compares element by element: |actual - expected| ≤ tolerance · max(1, largest |expected|). */
export function expectClose(
  actual: ArrayLike<number>,
  expected: readonly number[],
  tolerance: number,
  what: string,
): void {
  expect(actual.length, `length of ${what}`).toBe(expected.length);
  const scale = Math.max(1, ...expected.map(Math.abs));
  const worst = Math.max(...expected.map((value, index) => Math.abs(value - actual[index])));
  expect(worst / scale, `largest relative difference of ${what}`).toBeLessThanOrEqual(tolerance);
}
