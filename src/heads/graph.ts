import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { embeddingOutput, fusedOutput, unimodalOutput } from '../arl/ports.ts';
import { attributeName, operatorName, servingOperators } from '../arl/serving-operators.ts';
import { inferShapes } from '../graph/infer-shapes.ts';
import {
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../graph/onnx/onnx_pb.js';
import { sameShape } from '../graph/shape.ts';
import { elementTypeCodes } from '../graph/value.ts';
import { targets } from '../targets/targets.ts';
import { inputsOf } from './inputs.ts';
import type { HeadManifest } from './manifest.ts';

/** What a head may be. */
interface Bounds {
  /** Heads that are trained here have at most some fifty, and a tail some thirty for each block. */
  mostNodes: number;
  /** Elements of one value that it computes for a row. */
  largestValue: number;
  /** Elements that it computes for a row. */
  mostElements: number;
  /** Multiplications that it takes for a row. */
  mostMultiplications: number;
  operators: ReturnType<typeof servingOperators>;
}
/** The numbers of rows that a graph is checked for; the last is the most of a run. */
const checkedRows = [1, 2, 3, 256] as const;

const elementBytes = new Map([
  [elementTypeCodes.float32, 4],
  [elementTypeCodes.int64, 8],
  [elementTypeCodes.bool, 1],
]);

/**
 * Checks that the bytes of a head.onnx are what a head may be, before anything runs them: operators that heads are made
 * of and no others, every weight in the file and finite, a bounded cost for each row, and the inputs and outputs that
 * head.json promises, for any number of rows.
 * @throws Error that says what is wrong, and where
 * @example checkHeadGraph(await readFile('head.onnx'), manifest);
 */
export function checkHeadGraph(
  bytes: Uint8Array,
  { encoders, labels }: Pick<HeadManifest, 'encoders' | 'labels'>,
): void {
  const isTuned = encoders.some(({ trunkOf }) => trunkOf);
  const bounds = isTuned ? boundsOfTuned() : boundsOfHeads();
  const { largestValue, mostElements, mostMultiplications } = bounds;
  const model = readModel(bytes);
  const graph = checkParts(model, bounds);
  checkNodes(graph.node, bounds);
  checkFields(model);
  for (const tensor of graph.initializer) checkInitializer(tensor);
  checkCanonical(bytes, model);
  checkInputs(graph.input, encoders);
  const answers = [fusedOutput, ...encoders.map(({ modality }) => unimodalOutput(modality))];
  const embeddings = encoders.flatMap(({ modality, embeddingDimension }) =>
    embeddingDimension === undefined ? [] : [{ output: embeddingOutput(modality), embeddingDimension }],
  );
  const outputs = [...answers, ...embeddings.map(({ output }) => output)];
  const found = graph.output.map(({ name }) => name);
  if (found.toSorted().join() !== outputs.toSorted().join())
    throw new Error(
      `its model has the outputs ${shown(found.join(', '))}; it must have ${outputs.join(', ')}`,
    );
  for (const rows of checkedRows) {
    const inputs = new Map(inputsOf(encoders).map(({ name, dimension }) => [name, [rows, dimension]]));
    const { shapes, largest, elements, multiplications } = inferShapes(graph, inputs);
    for (const output of answers)
      if (!sameShape(shapes.get(output) ?? [], [rows, labels.length]))
        throw new Error(
          `its model does not answer with a number for each of its ${labels.length} labels: ${output} is [${shapes.get(output)}] for ${rows} rows, and must be [${rows}, ${labels.length}]`,
        );
    for (const { output, embeddingDimension } of embeddings)
      if (!sameShape(shapes.get(output) ?? [], [rows, embeddingDimension]))
        throw new Error(
          `its model does not give ${embeddingDimension} features: ${output} is [${shapes.get(output)}] for ${rows} rows`,
        );
    if (largest > rows * largestValue || elements > rows * mostElements)
      throw new Error(`its model computes more than ${mostElements} numbers for a row`);
    if (multiplications > rows * mostMultiplications)
      throw new Error(`its model takes more than ${mostMultiplications} multiplications for a row`);
  }
}

let operators: Bounds['operators'] | undefined;

function boundsOfHeads(): Bounds {
  // Found out once, because it takes one small head of every form.
  operators ??= servingOperators(Object.values(targets).map(({ loss }) => loss));
  return {
    mostNodes: 256,
    largestValue: 2 ** 18,
    mostElements: 2 ** 20,
    mostMultiplications: 2 ** 28,
    operators,
  };
}

/** Of a head that begins inside encoders: as much as all blocks of a small one take for an image of 257 tokens. */
function boundsOfTuned(): Bounds {
  const { operators: ofHeads } = boundsOfHeads();
  const others = Object.entries(tailAttributes).map(
    ([name, attributes]) => [name, new Set([...(ofHeads.get(name) ?? []), ...attributes])] as const,
  );
  return {
    mostNodes: 2048,
    largestValue: 2 ** 20,
    mostElements: 2 ** 26,
    mostMultiplications: 2 ** 33,
    operators: new Map([...ofHeads, ...others]),
  };
}

/** The operators that the blocks of encoders are imported as, with their attributes. */
const tailAttributes: Readonly<Record<string, readonly string[]>> = {
  And: [],
  Cast: ['to: INT'],
  Clip: [],
  Concat: ['axis: INT'],
  Conv: ['dilations: INTS', 'group: INT', 'kernel_shape: INTS', 'pads: INTS', 'strides: INTS'],
  Div: [],
  Erf: [],
  Equal: [],
  Expand: [],
  Gather: ['axis: INT'],
  Gelu: ['approximate: STRING'],
  GlobalAveragePool: [],
  Greater: [],
  HardSigmoid: ['alpha: FLOAT', 'beta: FLOAT'],
  HardSwish: [],
  LayerNormalization: ['axis: INT', 'epsilon: FLOAT'],
  LpNormalization: ['axis: INT', 'p: INT'],
  MatMul: [],
  Neg: [],
  Not: [],
  Pow: [],
  ReduceL2: ['keepdims: INT'],
  ReduceMean: ['keepdims: INT'],
  ReduceSum: ['keepdims: INT'],
  Relu: [],
  Sigmoid: [],
  Slice: [],
  Softmax: ['axis: INT'],
  Split: ['axis: INT'],
  Sqrt: [],
  Tanh: [],
  Transpose: ['perm: INTS'],
  Where: [],
  'com.microsoft.FusedMatMul': ['transA: INT', 'transB: INT', 'alpha: FLOAT'],
};

function readModel(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new Error('head.onnx is not an ONNX model', { cause });
  }
}

/** Nothing but a graph, of the domains that heads use. */
function checkParts(model: ModelProto, { mostNodes, operators: allowed }: Bounds): GraphProto {
  const { graph, opsetImport } = model;
  if (!graph || graph.node.length === 0) throw new Error('its model has no graph');
  const domains = [...allowed.keys()].map((name) => name.split('.').slice(0, -1).join('.'));
  for (const { domain } of opsetImport)
    if (!domains.includes(domain)) throw new Error(`its model uses the domain ${shown(domain)}`);
  if (graph.node.length > mostNodes) throw new Error(`its model has more than ${mostNodes} nodes`);
  return graph;
}

function checkNodes(nodes: readonly NodeProto[], { operators: allowed }: Bounds): void {
  for (const [index, node] of nodes.entries()) {
    const attributes = allowed.get(operatorName(node));
    if (!attributes)
      throw new Error(
        `node ${index} of its model is ${shown(operatorName(node))}, which no head is made of; there are: ${[...allowed.keys()].join(', ')}`,
      );
    const unknown = node.attribute.map(attributeName).find((attribute) => !attributes.has(attribute));
    if (unknown !== undefined)
      throw new Error(
        `node ${index} (${operatorName(node)}) of its model has the attribute ${shown(unknown)}`,
      );
  }
}

/** Weights are in the file itself, and are finite. */
function checkInitializer({ name, dims, dataType, rawData }: TensorProto): void {
  const what = `the weights ${shown(name)} of its model`;
  const size = elementBytes.get(dataType);
  if (size === undefined) throw new Error(`${what} are neither float32, int64 nor bool`);
  const count = dims.reduce((product, dimension) => product * Number(dimension), 1);
  if (dims.length > 8 || dims.some((dimension) => dimension < 1n) || count * size !== rawData.length)
    throw new Error(`${what} are ${rawData.length} bytes, and say that they are [${dims}]`);
  if (dataType !== elementTypeCodes.float32) return;
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
  for (let at = 0; at < rawData.length; at += size)
    if (!Number.isFinite(view.getFloat32(at, true))) throw new Error(`${what} are not all finite`);
}

/** The fields of each kind of message that a head's file may have. */
const plainFields: Readonly<Record<string, readonly string[]>> = {
  'onnx.ModelProto': ['irVersion', 'producerName', 'producerVersion', 'opsetImport', 'graph'],
  'onnx.OperatorSetIdProto': ['domain', 'version'],
  'onnx.GraphProto': ['name', 'node', 'initializer', 'input', 'output'],
  'onnx.NodeProto': ['input', 'output', 'name', 'opType', 'domain', 'attribute'],
  'onnx.AttributeProto': ['name', 'type', 'f', 'i', 's', 'ints'],
  'onnx.TensorProto': ['name', 'dims', 'dataType', 'rawData'],
  'onnx.ValueInfoProto': ['name', 'type'],
  'onnx.TypeProto': ['value'],
  'onnx.TypeProto.Tensor': ['elemType', 'shape'],
  'onnx.TensorShapeProto': ['dim'],
  'onnx.TensorShapeProto.Dimension': ['value'],
};

/** No functions, subgraphs, sparse or external weights, nor anything else that heads are not made of. */
function checkFields(value: unknown): void {
  if (Array.isArray(value)) for (const each of value) checkFields(each);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  const { $typeName: kind, $unknown, ...fields } = value as { $typeName?: string; $unknown?: unknown[] };
  for (const [field, content] of Object.entries<unknown>(fields)) {
    const isEmpty = content === undefined || (Array.isArray(content) && content.length === 0);
    if (kind !== undefined && !isEmpty && !plainFields[kind]?.includes(field))
      throw new Error(`its model has ${field} in ${kind}, which a head may not have`);
    checkFields(content);
  }
  if ($unknown && $unknown.length > 0) throw new Error(`its model has unknown fields in ${kind}`);
}

/**
 * Written again, the file is the same bytes: so no other reader of the format finds anything in it that this one passed
 * over.
 */
function checkCanonical(bytes: Uint8Array, model: ModelProto): void {
  const written = toBinary(ModelProtoSchema, model);
  if (!Buffer.from(written.buffer, written.byteOffset, written.byteLength).equals(bytes))
    throw new Error('head.onnx is not written as an export writes it');
}

function checkInputs(inputs: readonly ValueInfoProto[], encoders: HeadManifest['encoders']): void {
  const names = inputsOf(encoders).map(({ name }) => name);
  const found = inputs.map(({ name }) => name);
  if (new Set(names).size !== names.length) throw new Error('head.json names a modality twice');
  if (found.toSorted().join() !== names.toSorted().join())
    throw new Error(`its model takes ${shown(found.join(', '))}; head.json says ${names.join(', ')}`);
  for (const { name: input, dimension } of inputsOf(encoders)) {
    const { value } = inputs.find(({ name }) => name === input)?.type?.value ?? {};
    const tensor = typeof value === 'object' && 'shape' in value ? value : undefined;
    const [rows, columns, ...more] = tensor?.shape?.dim.map(({ value }) => value) ?? [];
    if (rows?.case === 'dimValue')
      throw new Error(`its model takes exactly ${rows.value} rows of ${input}; it must take any number`);
    if (
      tensor?.elemType !== elementTypeCodes.float32 ||
      columns?.case !== 'dimValue' ||
      columns.value !== BigInt(dimension) ||
      more.length > 0
    )
      throw new Error(`its model does not take ${input} as float32 [n, ${dimension}]`);
  }
}

/** A name out of the file, short enough to be shown. */
function shown(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
}
