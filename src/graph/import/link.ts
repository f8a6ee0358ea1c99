import { create } from '@bufbuild/protobuf';
import { product } from '../../product.ts';
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  OperatorSetIdProtoSchema,
  type ValueInfoProto,
} from '../onnx/onnx_pb.js';
import { nodesFor, readIn } from './dependencies.ts';
import { fedInputs, graphsIn, isStandard } from './model-parts.ts';
import { raiseOperatorSet } from './operator-sets.ts';

/** A model that becomes part of another. */
export interface LinkedPart {
  /** Unlike that of every other part: what is inside it is called `prefix/…`. */
  prefix: string;
  model: ModelProto;
  /** What its inputs and outputs are called outside; equal names are connected, and a first axis of any size is one. */
  names: Readonly<Record<string, string>>;
}

/** What the first axis is called wherever it may have any size. */
const batchAxis = 'batch';

/**
 * One model of several, in their order: what a part takes is an output of an earlier one, or an input of the whole.
 * Operator sets are brought together. The parts are not usable afterwards.
 * @param outputs those of the whole, in order, by their names outside
 * @throws Error that names a part and what is wrong with it
 * @example
 * linkModels([{ prefix: 'text', model: encoder, names: { features: 'text' } }, { prefix: 'head', model: head, names: {} }], ['fused'])
 */
export function linkModels(parts: readonly LinkedPart[], outputs: readonly string[]): ModelProto {
  const whole = create(GraphProtoSchema, { name: 'linked' });
  const made = new Map<string, ValueInfoProto>();
  const domains = new Map<string, bigint>();
  let intermediateRepresentation = 0n;
  for (const { prefix, model, names } of parts) {
    const { graph, opsetImport, irVersion } = raised(model, prefix);
    if (model.functions.length > 0) throw new Error(`${prefix}: functions of its own cannot be joined`);
    renameAll(graph, (name) => names[name] ?? `${prefix}/${name}`);
    for (const value of fedInputs(graph))
      if (!made.has(value.name) && !whole.input.some(({ name }) => name === value.name))
        whole.input.push(withBatchAxis(value));
    for (const value of graph.output) made.set(value.name, withBatchAxis(value));
    whole.node.push(...graph.node);
    whole.initializer.push(...graph.initializer);
    for (const { domain, version } of opsetImport) {
      const known = domains.get(domain);
      if (known !== undefined && domain === '' && known !== version)
        throw new Error(`${prefix}: its operator set is ${version}, that of the others ${known}`);
      domains.set(domain, known !== undefined && known > version ? known : version);
    }
    if (irVersion > intermediateRepresentation) intermediateRepresentation = irVersion;
  }
  whole.output = outputs.map((name) => {
    const output = made.get(name);
    if (!output) throw new Error(`no part has the output ${name}`);
    return output;
  });
  // What a part makes for others than the whole is left out.
  whole.node = nodesFor(whole, outputs);
  whole.initializer = readIn(whole.node, whole.initializer);
  return create(ModelProtoSchema, {
    ...{
      irVersion: intermediateRepresentation,
      producerName: product.name,
      producerVersion: product.version,
    },
    opsetImport: [...domains].map(([domain, version]) =>
      create(OperatorSetIdProtoSchema, { domain, version }),
    ),
    graph: whole,
  });
}

function raised(model: ModelProto, prefix: string): ModelProto & { graph: GraphProto } {
  try {
    const { graph, ...rest } = raiseOperatorSet(model);
    if (!graph) throw new Error('it has no graph');
    const opsetImport = rest.opsetImport.map((set) =>
      isStandard(set.domain) ? { ...set, domain: '' } : set,
    );
    return { ...rest, opsetImport, graph };
  } catch (error) {
    throw new Error(`${prefix}: ${(error as Error).message}`, { cause: error });
  }
}

/** Names everything in a graph anew, and in the graphs inside it. */
function renameAll(graph: GraphProto, rename: (name: string) => string): void {
  const renamed = (name: string) => (name === '' ? '' : rename(name));
  for (const value of [...graph.input, ...graph.output, ...graph.initializer])
    value.name = rename(value.name);
  for (const { values, indices } of graph.sparseInitializer)
    for (const tensor of [values, indices]) if (tensor) tensor.name = renamed(tensor.name);
  graph.valueInfo = [];
  graph.quantizationAnnotation = [];
  for (const node of graph.node) renameNode(node, renamed);
}

function renameNode(node: NodeProto, renamed: (name: string) => string): void {
  node.name = renamed(node.name);
  node.input = node.input.map(renamed);
  node.output = node.output.map(renamed);
  for (const inner of graphsIn(node)) renameAll(inner, renamed);
}

function withBatchAxis(value: ValueInfoProto): ValueInfoProto {
  const type = value.type?.value;
  const first = type?.case === 'tensorType' ? type.value.shape?.dim[0] : undefined;
  if (first?.value.case === 'dimParam') first.value.value = batchAxis;
  return value;
}
