/** A tensor as it crosses a thread: its bytes move, they are never copied. */
export interface Tensor {
  readonly type: 'float32' | 'int32' | 'int64' | 'uint8' | 'bool';
  /** Sizes of the axes, outermost first. */
  readonly dims: readonly number[];
  /** Row-major elements. */
  readonly data: Float32Array | Int32Array | BigInt64Array | Uint8Array;
}

export type Tensors = Record<string, Tensor>;

/** @example float32([2, 3], new Float32Array(6)) */
export function float32(dims: readonly number[], data: Float32Array | readonly number[]): Tensor {
  return { type: 'float32', dims, data: data instanceof Float32Array ? data : Float32Array.from(data) };
}

/** @example int32([2], [0, 1]) */
export function int32(dims: readonly number[], data: Int32Array | readonly number[]): Tensor {
  return { type: 'int32', dims, data: data instanceof Int32Array ? data : Int32Array.from(data) };
}

/** The float32 elements of a tensor. @throws Error where it is missing or of another type. */
export function floatsOf(tensors: Tensors, name: string): Float32Array {
  const data = tensors[name]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`the model returned no float32 tensor named ${name}`);
  return data;
}

/** The buffers behind tensors, each once, for a transfer list. */
export function buffersOf(tensors: Tensors): ArrayBuffer[] {
  return [...new Set(Object.values(tensors).map(({ data }) => data.buffer as ArrayBuffer))];
}

/** @example int64([2], BigInt64Array.of(0n, 1n)) */
export function int64(dims: readonly number[], data: BigInt64Array): Tensor {
  return { type: 'int64', dims, data };
}

/** @example uint8([2], Uint8Array.of(0, 255)) */
export function uint8(dims: readonly number[], data: Uint8Array): Tensor {
  return { type: 'uint8', dims, data };
}

/** The rows of a float32 matrix, as views. @throws Error where it is missing or of another type. */
export function rowsOf(tensors: Tensors, name: string): Float32Array[] {
  const data = floatsOf(tensors, name);
  const [rows, columns] = tensors[name]?.dims ?? [];
  if (rows === undefined || columns === undefined) throw new Error(`the tensor ${name} is no matrix`);
  return Array.from({ length: rows }, (_, row) => data.subarray(row * columns, (row + 1) * columns));
}
