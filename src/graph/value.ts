/**
 * A typed dataflow graph, the way micrograd has one: every value knows the node that made it, and every node knows its
 * operator and inputs. `gradients.ts` has a gradient rule for each operator. Nothing is computed here; `emit.ts` writes
 * the graph as ONNX.
 */

/** Element types, by their ONNX tensor names. */
export type ElementType = 'float32' | 'int32' | 'int64' | 'uint8' | 'bool';

/** The same as ONNX's TensorProto.DataType numbers them. */
export const elementTypeCodes: Readonly<Record<ElementType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
};

/** Sizes of the axes, outermost first; `[]` is a scalar. A batch whose size is known only at run time is `dynamic`. */
export type Shape = readonly number[];

/** The size of an axis that is known only at run time. At most the first axis of a value may be dynamic. */
export const dynamic = -1;

export type ConstantData = Float32Array | Int32Array | BigInt64Array | Uint8Array;

export type Attribute = number | readonly number[] | string | { readonly float: number };

export interface Node {
  /** ONNX operator, or `''` for the identity, which leaves no trace in the model; see {@link identity}. */
  readonly operator: string;
  /** ONNX operator set: `''` is the standard one. */
  readonly domain: string;
  readonly inputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly outputs: readonly Value[];
  /** What the model that it was read from calls it; undefined where it was built here. */
  readonly name?: string;
  /** The rule of an identity or a loop, which has one of its own; all other operators have theirs in `gradients.ts`. */
  readonly gradient?: OwnGradient;
  /** Of a loop: what it does again and again. */
  readonly body?: LoopStep;
}

/** From the gradient of the output to those of the inputs; undefined where none passes. */
export type OwnGradient = (dy: Value) => readonly (Value | undefined)[];

/** One iteration of a loop: how the state changes, on what, and what it reports. */
export interface LoopStep {
  /** Carried from each step to the next. */
  state: readonly { readonly current: Input; readonly next: Value }[];
  /** Differ in every step: the loop takes them with one more axis in front, the steps. */
  perStep: readonly Input[];
  /** The same in every step. */
  shared: readonly Input[];
  /** Reported by every step: the loop returns them with one more axis in front. */
  reports: Readonly<Record<string, Value>>;
}

interface TypeAndShape {
  readonly type: ElementType;
  readonly shape: Shape;
}

export interface Input extends TypeAndShape {
  readonly kind: 'input';
  readonly name: string;
}

export interface Constant extends TypeAndShape {
  readonly kind: 'constant';
  readonly data: ConstantData;
}

export interface Result extends TypeAndShape {
  readonly kind: 'result';
  readonly node: Node;
}

export type Value = Input | Constant | Result;

/** A value fed from outside. */
export function input(name: string, shape: Shape, type: ElementType = 'float32'): Input {
  return { kind: 'input', name, type, shape };
}

/** A float32 constant: a scalar from a number, or a tensor from its data and shape. */
export function constant(data: number | Float32Array, shape: Shape = []): Constant {
  return {
    kind: 'constant',
    type: 'float32',
    shape,
    data: typeof data === 'number' ? Float32Array.of(data) : data,
  };
}

/** An int64 vector, the form in which ONNX takes axes, sizes and shapes. */
export function integers(values: readonly number[]): Constant {
  return {
    kind: 'constant',
    type: 'int64',
    shape: [values.length],
    data: BigInt64Array.from(values, BigInt),
  };
}

export interface ApplyOptions {
  /** Shape of the only output. */
  shape: Shape;
  /** Type of the only output; that of the first input by default. */
  type?: ElementType;
  attributes?: Readonly<Record<string, Attribute>>;
  domain?: string;
}

/**
 * Adds a node with one output.
 * @example apply('Exp', [x], { shape: x.shape })
 */
export function apply(
  operator: string,
  inputs: readonly [Value, ...Value[]],
  { shape, type = inputs[0].type, ...options }: ApplyOptions,
): Result {
  return first(applyMany(operator, inputs, { ...options, outputs: [{ type, shape }] }));
}

/** Adds a node with any number of outputs. */
export function applyMany(
  operator: string,
  inputs: readonly Value[],
  options: {
    outputs: readonly TypeAndShape[];
    attributes?: Readonly<Record<string, Attribute>>;
    domain?: string;
    name?: string;
    gradient?: OwnGradient;
    body?: LoopStep;
  },
): Result[] {
  const { outputs: types, domain = '', attributes = {}, name, gradient, body } = options;
  const outputs: Result[] = [];
  const node: Node = { operator, domain, inputs, attributes, outputs, name, gradient, body };
  for (const { type, shape } of types) outputs.push({ kind: 'result', type, shape, node });
  return outputs;
}

/**
 * Adds a node that is its first input in the forward pass, with a gradient of its own.
 * @example identity([x], (dy) => [multiply(dy, factor)])
 */
export function identity(inputs: readonly [Value, ...Value[]], gradient: OwnGradient): Result {
  const [{ type, shape }] = inputs;
  return first(applyMany('', inputs, { outputs: [{ type, shape }], gradient }));
}

function first([output]: readonly Result[]): Result {
  if (!output) throw new Error('a node has at least one output');
  return output;
}

/** The constant's only element, where the value is a constant scalar. */
export function scalarOf(value: Value): number | undefined {
  return value.kind === 'constant' && value.shape.length === 0 ? Number(value.data[0]) : undefined;
}
