import { create } from '@bufbuild/protobuf';
import { required } from '../../indexing.ts';
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../onnx/onnx_pb.js';

/** A model in two: the tail takes what the trunk gives. */
export interface CutModel {
  trunk: ModelProto;
  tail: ModelProto;
}

/**
 * Cuts a model at a value: the trunk gives it, and the tail takes it in place of the input that it comes from.
 * @param input the input that only the trunk takes; where the tail asks for its shape it takes that of `besides`
 * @param besides the input that both may take, whose first axes are as long, as an attention mask's are
 * @throws Error naming the node behind the cut that reads the input itself
 * @example const { trunk, tail } = cutModel(model, start, 'input_ids', 'attention_mask');
 */
export function cutModel(model: ModelProto, value: string, input: string, besides?: string): CutModel {
  const graph = required(model.graph, 'the graph of the model');
  const outputs = graph.output.map(({ name }) => name);
  const tailNodes = nodesFor(graph, outputs, new Set([value])).map((node) =>
    node.opType === 'Shape' && node.input[0] === input && besides !== undefined
      ? create(NodeProtoSchema, { ...node, input: [besides] })
      : node,
  );
  const reader = tailNodes.find((node) => node.input.includes(input));
  if (reader)
    throw new Error(`behind ${value} the node ${reader.name || reader.output[0]} reads ${input} itself`);
  return {
    trunk: part(model, graph, nodesFor(graph, [value], new Set()), [floatValue(value)]),
    tail: part(model, graph, tailNodes, graph.output, floatValue(value)),
  };
}

/** The nodes that the values rest on, in order, up to those that are given. */
function nodesFor(graph: GraphProto, values: readonly string[], given: ReadonlySet<string>): NodeProto[] {
  const needed = new Set(values);
  const found = graph.node.toReversed().filter((node) => {
    if (!node.output.some((name) => needed.has(name) && !given.has(name))) return false;
    for (const name of node.input) needed.add(name);
    return true;
  });
  return found.reverse();
}

function part(
  model: ModelProto,
  graph: GraphProto,
  nodes: NodeProto[],
  outputs: readonly ValueInfoProto[],
  added?: ValueInfoProto,
): ModelProto {
  const read = new Set(nodes.flatMap((node) => node.input));
  const reads = ({ name }: { name: string }) => read.has(name);
  return create(ModelProtoSchema, {
    ...model,
    graph: create(GraphProtoSchema, {
      name: graph.name,
      node: nodes,
      initializer: graph.initializer.filter(reads),
      input: [...(added ? [added] : []), ...graph.input.filter(reads)],
      output: [...outputs],
    }),
  });
}

function floatValue(name: string): ValueInfoProto {
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType: DataType.FLOAT } } },
  });
}
