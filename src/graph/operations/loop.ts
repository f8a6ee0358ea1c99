import { applyMany, type LoopStep, type OwnGradient, type Value } from '../value.ts';

/**
 * A step again and again, in order, ONNX's `Scan`.
 * @param given what the state begins with, what differs in every step, with an axis of steps in front, and what is the same
 * @param gradient to all that is given, from the gradient of the first output
 * @returns the state after the last step, then the reports with an axis of steps in front
 * @example const [total] = loop({ state: [{ current, next: add(current, x) }], perStep: [x], shared: [], reports: {} }, { … });
 */
export function loop(
  step: LoopStep,
  {
    start,
    perStep,
    shared,
  }: { start: readonly Value[]; perStep: readonly [Value, ...Value[]]; shared: readonly Value[] },
  gradient?: OwnGradient,
): Value[] {
  const [{ shape }] = perStep;
  const steps = shape.slice(0, 1);
  return applyMany('Scan', [...start, ...perStep, ...shared], {
    outputs: [
      ...step.state.map(({ current }) => current),
      ...Object.values(step.reports).map((report) => ({
        type: report.type,
        shape: [...steps, ...report.shape],
      })),
    ],
    ...{ body: step, gradient },
  });
}
