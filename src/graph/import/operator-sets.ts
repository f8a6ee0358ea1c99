import { create } from '@bufbuild/protobuf';
import { itemAt } from '../../indexing.ts';
import { attributeProto } from '../emit.ts';
import {
  type AttributeProto,
  TensorProto_DataType as DataType,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  OperatorSetIdProtoSchema,
  TensorProtoSchema,
} from '../onnx/onnx_pb.js';
import { graphsIn, isStandard, operatorSetOf } from './model-parts.ts';

/** Operator sets that are read, and the one that they are raised to. */
const oldest = 11;
export const raisedOperatorSet = 20;

/** What became of an operator: it is rewritten in place where its model has an older set than the one named. */
interface Change {
  since: number;
  /** @throws Error where the old form says what the new one can't */
  rewrite(node: NodeProto, graph: GraphProto): void;
}

const axesBecameAnInput = (since: number): Change[] => [
  { since, rewrite: (...given) => toInput('axes', ...given) },
];

/**
 * The changes from set 11 to 20 that alter a node's form, https://github.com/onnx/onnx/blob/main/docs/Changelog.md. All
 * others added types or attributes whose absence means what it meant before.
 */
const changes: Readonly<Record<string, readonly Change[]>> = {
  Squeeze: axesBecameAnInput(13),
  Unsqueeze: axesBecameAnInput(13),
  ReduceSum: axesBecameAnInput(13),
  ReduceL1: axesBecameAnInput(18),
  ReduceL2: axesBecameAnInput(18),
  ReduceLogSum: axesBecameAnInput(18),
  ReduceLogSumExp: axesBecameAnInput(18),
  ReduceMax: axesBecameAnInput(18),
  ReduceMean: axesBecameAnInput(18),
  ReduceMin: axesBecameAnInput(18),
  ReduceProd: axesBecameAnInput(18),
  ReduceSumSquare: axesBecameAnInput(18),
  Split: [
    { since: 13, rewrite: (...given) => toInput('split', ...given) },
    { since: 18, rewrite: countParts },
  ],
  Softmax: [{ since: 13, rewrite: needAxis }],
  LogSoftmax: [{ since: 13, rewrite: needAxis }],
  Hardmax: [{ since: 13, rewrite: needAxis }],
  Dropout: [{ since: 12, rewrite: becomeIdentity }],
};

/**
 * The same model in {@link raisedOperatorSet}, so that it may be joined with others; one that has it, or a later one, is
 * returned as it is.
 * @throws Error that names a node that has no counterpart there
 * @example raiseOperatorSet(await readModel('model.onnx')).opsetImport // [{ domain: '', version: 20n }]
 */
export function raiseOperatorSet(model: ModelProto): ModelProto {
  const from = operatorSetOf(model);
  if (from >= raisedOperatorSet) return model;
  if (from < oldest) throw new Error(`its operator set is ${from}; ${oldest} and newer ones can be joined`);
  if (model.graph) raiseGraph(model.graph, from);
  const others = model.opsetImport.filter(({ domain }) => !isStandard(domain));
  const raised = create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(raisedOperatorSet) });
  return { ...model, opsetImport: [raised, ...others] };
}

function raiseGraph(graph: GraphProto, from: number): void {
  for (const node of graph.node) {
    for (const inner of graphsIn(node)) raiseGraph(inner, from);
    if (!isStandard(node.domain)) continue;
    for (const { since, rewrite } of changes[node.opType] ?? []) if (from < since) rewrite(node, graph);
  }
}

function attributeOf(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((attribute) => attribute.name === name);
}

/** Integers that were an attribute are the second input. */
function toInput(attribute: string, node: NodeProto, graph: GraphProto): void {
  const given = attributeOf(node, attribute);
  if (!given) return;
  const name = `${itemAt(node.output, 0)}.${attribute}`;
  node.attribute = node.attribute.filter((each) => each !== given);
  node.input = [itemAt(node.input, 0), name];
  graph.initializer.push(
    create(TensorProtoSchema, {
      ...{ name, dataType: DataType.INT64, dims: [BigInt(given.ints.length)] },
      rawData: new Uint8Array(BigInt64Array.from(given.ints).buffer),
    }),
  );
}

/** A split into equal parts says how many there are. */
function countParts(node: NodeProto): void {
  if ((node.input[1] ?? '') !== '' || attributeOf(node, 'num_outputs')) return;
  node.attribute.push(attributeProto('num_outputs', node.output.length));
}

/** Before set 13 all axes from the named one on were one; exporters name the last, for which both are the same. */
function needAxis(node: NodeProto): void {
  if (!attributeOf(node, 'axis'))
    throw new Error(
      `${node.opType} ${node.name} names no axis, which meant another one before operator set 13`,
    );
}

/** Nothing is dropped when a model answers. */
function becomeIdentity(node: NodeProto): void {
  if ((node.output[1] ?? '') !== '') throw new Error(`Dropout ${node.name} has a mask that is read`);
  node.opType = 'Identity';
  node.attribute = [];
  node.input = node.input.slice(0, 1);
  node.output = node.output.slice(0, 1);
}
