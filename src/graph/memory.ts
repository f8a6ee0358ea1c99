import { sortedNodes } from './differentiate.ts';
import { elementCount } from './shape.ts';
import type { Constant, LoopStep, Node, Value } from './value.ts';

const elementBytes: Readonly<Record<Value['type'], number>> = {
  ...{ float32: 4, int32: 4, int64: 8, uint8: 1, bool: 1 },
};

/** What gives its input's own memory another shape. */
const reshapes = new Set(['', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity']);

/**
 * Bytes that a loop's step takes at most at a time, apart from its state and inputs: of the values that are computed and
 * needed again, where nodes run in order and memory is free again after the last use. ONNX Runtime comes close to that.
 * @throws Error where a size is known only at run time
 * @example peakBytes(trainingStep(architecture, settings)) / 2 ** 20 // MiB of activations and gradients
 */
export function peakBytes({ state, reports }: LoopStep): number {
  const outputs = [...state.map(({ next }) => next), ...Object.values(reports)];
  const nodes = sortedNodes(outputs);
  const lastUse = new Map<Value, number>();
  for (const [time, node] of nodes.entries())
    for (const value of node.inputs) lastUse.set(memoryOf(value), time);
  for (const value of outputs) lastUse.set(memoryOf(value), Number.POSITIVE_INFINITY);
  const ends = Map.groupBy(lastUse.keys(), (value) => lastUse.get(value));
  let [live, most] = [0, 0];
  for (const [time, node] of nodes.entries()) {
    const own = reshapes.has(node.operator) ? [] : node.outputs.filter((value) => lastUse.has(value));
    live += sumOf(own.map(bytesOf));
    most = Math.max(most, live + bodyBytes(node));
    const freed = (ends.get(time) ?? []).filter(({ kind }) => kind === 'result');
    live -= sumOf(freed.map(bytesOf));
  }
  return most;
}

/** Bytes of the constants that a step is computed with. */
export function constantBytes({ state, reports }: LoopStep): number {
  const nodes = sortedNodes([...state.map(({ next }) => next), ...Object.values(reports)]);
  const constants = new Set(
    nodes.flatMap(({ inputs }) => inputs.filter((value): value is Constant => value.kind === 'constant')),
  );
  const within = Math.max(0, ...nodes.map(({ body }) => (body ? constantBytes(body) : 0)));
  return sumOf([...constants].map(({ data }) => data.byteLength)) + within;
}

/** Bytes of a step's state. */
export function stateBytes({ state }: LoopStep): number {
  return sumOf(state.map(({ current }) => bytesOf(current)));
}

/** Of a loop within the step: a step of its own, and its state once more, which is written beside the old one. */
function bodyBytes({ body }: Node): number {
  return body ? peakBytes(body) + stateBytes(body) : 0;
}

/** The value whose memory a value has. */
function memoryOf(value: Value): Value {
  if (value.kind !== 'result' || !reshapes.has(value.node.operator)) return value;
  const [source] = value.node.inputs;
  return source ? memoryOf(source) : value;
}

function bytesOf({ shape, type }: Value): number {
  return elementCount(shape) * elementBytes[type];
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
