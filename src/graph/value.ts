/**
 * A typed dataflow graph, the way micrograd has one: every value knows the node that made it, every node knows its
 * inputs and how a gradient flows back through it. Nothing is computed here; `emit.ts` writes the graph as ONNX.
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

/**
 * How a gradient flows back through a node: from the gradients of its outputs (undefined where nothing reached one)
 * to those of its inputs (undefined where there is none to give). It may build more than is needed: what no output
 * of the emitted model rests on is never written.
 */
export type GradientRule = (upstream: readonly (Value | undefined)[]) => readonly (Value | undefined)[];

/** The rule of what nothing can learn through: comparisons, indices, statistics. */
export const blocked = () => [];

export interface Node {
  /** ONNX operator, or `''` for a node that is the identity in the forward pass and leaves no trace in the model. */
  readonly operator: string;
  /** ONNX operator set: `''` is the standard one. */
  readonly domain: string;
  readonly inputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly outputs: readonly Value[];
  readonly gradient: GradientRule;
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
  /** Type of the only output; that of the first input where absent. */
  type?: ElementType;
  attributes?: Readonly<Record<string, Attribute>>;
  domain?: string;
  /** From the gradient of the output to those of the inputs; `blocked` where none passes. */
  gradient: (upstream: Value) => readonly (Value | undefined)[];
}

/**
 * Adds a node with one output.
 * @example apply('Exp', [x], { shape: x.shape, gradient: (dy) => [multiply(dy, y)] })
 */
export function apply(operator: string, inputs: readonly Value[], options: ApplyOptions): Result {
  const { shape, type = inputs[0].type, gradient, ...rest } = options;
  const [output] = applyMany(operator, inputs, {
    ...rest,
    outputs: [{ type, shape }],
    gradient: ([upstream]) => gradient(upstream!),
  });
  return output;
}

/** Adds a node with any number of outputs. */
export function applyMany(
  operator: string,
  inputs: readonly Value[],
  options: {
    outputs: readonly TypeAndShape[];
    attributes?: Readonly<Record<string, Attribute>>;
    domain?: string;
    gradient: GradientRule;
  },
): Result[] {
  const outputs: Result[] = [];
  const node: Node = {
    operator,
    inputs,
    outputs,
    domain: options.domain ?? '',
    attributes: options.attributes ?? {},
    gradient: options.gradient,
  };
  for (const { type, shape } of options.outputs) outputs.push({ kind: 'result', type, shape, node });
  return outputs;
}

/** The constant's only element, where the value is a constant scalar. */
export function scalarOf(value: Value): number | undefined {
  return value.kind === 'constant' && value.shape.length === 0 ? Number(value.data[0]) : undefined;
}
