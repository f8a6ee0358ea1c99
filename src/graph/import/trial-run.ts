import { create, toBinary } from '@bufbuild/protobuf';
import { itemAt, required, valueFor } from '../../indexing.ts';
import type { Engine } from '../../runtime/engine.ts';
import type { Tensor, Tensors } from '../../runtime/tensor.ts';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  ValueInfoProtoSchema,
} from '../onnx/onnx_pb.js';
import { sameShape } from '../shape.ts';
import { dynamic, type ElementType, type Shape } from '../value.ts';
import { isWidened, outputType } from './element-types.ts';

/** What a graph takes: the first axis is the batch, whose size does not count here. */
export interface GivenInput {
  readonly type: ElementType;
  readonly shape: Shape;
}

/** What is known of a graph's values once it has run. */
export interface TrialRun {
  /** ONNX's number of the type of every value. */
  types: ReadonlyMap<string, number>;
  /** Shapes of what is computed from the inputs, the size of the batch as `dynamic`. */
  shapes: ReadonlyMap<string, Shape>;
  /** What does not depend on the inputs' elements: weights, and all that is computed from shapes. */
  constants: ReadonlyMap<string, Tensor>;
  /** Names of the constants that hold the size of the batch, and are good for shapes alone. */
  varying: ReadonlySet<string>;
}

/** Two sizes of a batch: what differs between them is the batch's size. */
const batches = [2, 3] as const;

/**
 * Runs a model on ones with two sizes of a batch, so that ONNX Runtime tells the shape of every value and computes all
 * that does not depend on the inputs' elements.
 * @throws Error where ONNX Runtime refuses the model, or a shape depends on elements or on the batch in another way than by
 *   its first axis
 */
export async function trialRun(
  engine: Engine,
  model: ModelProto,
  inputs: Readonly<Record<string, GivenInput>>,
): Promise<TrialRun> {
  const graph = required(model.graph, 'the graph of the model');
  const { types, computed } = classify(graph, inputs);
  const constants = graph.node.flatMap(({ output }) => output.filter((name) => name && !computed.has(name)));
  const [small, large] = await bothRuns(engine, { model, graph, inputs, types, computed, constants });
  const pairs = constants.map((name) => {
    const output = outputOf(name, types);
    return { name, small: valueFor(asMap(small), output), large: valueFor(asMap(large), output) };
  });
  return {
    types,
    shapes: shapesIn(small, large, computed),
    constants: new Map(pairs.map((pair) => [pair.name, withoutBatch(pair)])),
    varying: new Set(pairs.filter(differ).map(({ name }) => name)),
  };
}

/**
 * The shapes alone, without a copy of the weights: of a model that is not read into the graph.
 * @returns those of what is computed from the inputs, the size of the batch as `dynamic`
 * @throws Error as {@link trialRun}
 */
export async function trialShapes(
  engine: Engine,
  model: ModelProto,
  inputs: Readonly<Record<string, GivenInput>>,
): Promise<TrialRun['shapes']> {
  const graph = required(model.graph, 'the graph of the model');
  const { types, computed } = classify(graph, inputs);
  const [small, large] = await bothRuns(engine, { model, graph, inputs, types, computed, constants: [] });
  return shapesIn(small, large, computed);
}

function shapesIn(small: Tensors, large: Tensors, computed: ReadonlySet<string>): TrialRun['shapes'] {
  return new Map(
    [...computed].map((name) => {
      const pair = [small, large].map((results) =>
        Array.from(valueFor(asMap(results), shapeOf(name)).data, Number),
      );
      return [name, batchShape(itemAt(pair, 0), itemAt(pair, 1), name)] as const;
    }),
  );
}

const asMap = (tensors: Tensors) => ({ get: (name: string) => tensors[name] });
const shapeOf = (name: string) => `${name}:shape`;
const outputOf = (name: string, types: ReadonlyMap<string, number>) =>
  isWidened(valueFor(types, name)) ? `${name}:float` : name;

/** The type of every value, and the names of those that depend on the inputs' elements. */
function classify(graph: GraphProto, inputs: Readonly<Record<string, GivenInput>>) {
  const types = new Map<string, number>(graph.initializer.map(({ name, dataType }) => [name, dataType]));
  for (const { name, type } of graph.input)
    if (type?.value.case === 'tensorType') types.set(name, type.value.value.elemType);
  const computed = new Set<string>();
  const depends = (name: string) => computed.has(name) || Object.hasOwn(inputs, name);
  for (const node of graph.node) {
    const type = outputType(
      node,
      node.input.map((name) => types.get(name)),
    );
    const isComputed = node.opType !== 'Shape' && node.input.some(depends);
    for (const name of node.output.filter(Boolean)) {
      types.set(name, type);
      if (isComputed) computed.add(name);
    }
  }
  return { types, computed };
}

interface Probe {
  model: ModelProto;
  graph: GraphProto;
  inputs: Readonly<Record<string, GivenInput>>;
  types: ReadonlyMap<string, number>;
  computed: ReadonlySet<string>;
  constants: readonly string[];
}

async function bothRuns(engine: Engine, probe: Probe): Promise<[Tensors, Tensors]> {
  const session = await engine.load(probing(probe));
  try {
    const run = async (batch: number) =>
      session.run(
        Object.fromEntries(Object.entries(probe.inputs).map(([name, input]) => [name, ones(input, batch)])),
      );
    return [await run(batches[0]), await run(batches[1])];
  } finally {
    await session.release();
  }
}

/** The model with the outputs that are to be known: shapes, and whole constants, none of them in half precision. */
function probing({ model, graph, types, computed, constants }: Probe): Uint8Array {
  const added = (opType: string, input: string, output: string, to?: number): NodeProto =>
    create(NodeProtoSchema, {
      opType,
      input: [input],
      output: [output],
      attribute:
        to === undefined
          ? []
          : [create(AttributeProtoSchema, { name: 'to', type: AttributeType.INT, i: BigInt(to) })],
    });
  const shapes = [...computed].map((name) => added('Shape', name, shapeOf(name)));
  const widened = constants
    .filter((name) => isWidened(valueFor(types, name)))
    .map((name) => added('Cast', name, outputOf(name, types), DataType.FLOAT));
  const outputs = [
    ...shapes.flatMap(({ output }) => output),
    ...constants.map((name) => outputOf(name, types)),
  ];
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      ...model,
      graph: create(GraphProtoSchema, {
        ...graph,
        node: [...graph.node, ...shapes, ...widened],
        output: outputs.map((name) => create(ValueInfoProtoSchema, { name })),
      }),
    }),
  );
}

function ones({ type, shape }: GivenInput, batch: number): Tensor {
  const dims = [batch, ...shape.slice(1)];
  const count = dims.reduce((product, size) => product * size, 1);
  switch (type) {
    case 'float32':
      return { type, dims, data: new Float32Array(count).fill(1) };
    case 'int64':
      return { type, dims, data: new BigInt64Array(count).fill(1n) };
    case 'int32':
      return { type, dims, data: new Int32Array(count).fill(1) };
    default:
      return { type, dims, data: new Uint8Array(count).fill(1) };
  }
}

/** The shape, its first axis dynamic where it grows with the batch. */
function batchShape(small: Shape, large: Shape, name: string): Shape {
  if (sameShape(small, large)) return small;
  const isBatch = small[0] === batches[0] && large[0] === batches[1];
  if (!isBatch || !sameShape(small.slice(1), large.slice(1)))
    throw new Error(
      `${name} grows with the batch from [${small}] to [${large}]: only a first axis that is the batch is supported`,
    );
  return [dynamic, ...small.slice(1)];
}

interface Pair {
  name: string;
  small: Tensor;
  large: Tensor;
}

function differ({ small, large }: Pair): boolean {
  if (!sameShape(small.dims, large.dims)) return !isSameForRows(small, large);
  return small.data.some((element, index) => !Object.is(element, large.data[index]));
}

/** What is the same for every row of the batch is kept once, with a first axis of size 1. */
function withoutBatch({ name, small, large }: Pair): Tensor {
  if (sameShape(small.dims, large.dims)) return small;
  batchShape(small.dims, large.dims, name);
  if (!isSameForRows(small, large)) return small;
  const data = small.data.slice(0, small.data.length / batches[0]);
  return { ...small, dims: [1, ...small.dims.slice(1)], data };
}

function isSameForRows(small: Tensor, { data }: Tensor): boolean {
  const length = small.data.length / batches[0];
  return data.every((element, index) => index < length || Object.is(element, data[index - length]));
}
