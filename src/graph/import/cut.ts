import { create } from '@bufbuild/protobuf';
import { itemAt, required } from '../../indexing.ts';
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
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../onnx/onnx_pb.js';
import { dynamic, type Shape } from '../value.ts';
import { nodesFor, readIn } from './dependencies.ts';
import { isStandard } from './model-parts.ts';

/** A model in two: the tail takes what the trunk gives. */
export interface CutModel {
  trunk: ModelProto;
  tail: ModelProto;
}

/**
 * Cuts a model at a value: the trunk gives it, and the tail takes it in place of the input that it comes from. Where the tail
 * asks for the shape of something in front of the cut, `withKnownShapes` answers.
 * @param input the input that only the trunk takes
 * @throws Error naming the node behind the cut that reads the input itself
 * @example const { trunk, tail } = cutModel(model, start, 'input_ids');
 */
export function cutModel(model: ModelProto, value: string, input: string): CutModel {
  const graph = required(model.graph, 'the graph of the model');
  const outputs = graph.output.map(({ name }) => name);
  const asksOnlyForShape = shapeQuestions(graph);
  const tailNodes = nodesFor(graph, outputs, new Set([value]), asksOnlyForShape);
  const reader = tailNodes.find((node) => !asksOnlyForShape(node) && node.input.includes(input));
  if (reader)
    throw new Error(`behind ${value} the node ${reader.name || reader.output[0]} reads ${input} itself`);
  return {
    trunk: part(model, graph, {
      nodes: nodesFor(graph, [value], new Set()),
      inputs: graph.input,
      outputs: [floatValue(value)],
    }),
    tail: part(model, graph, {
      nodes: tailNodes,
      inputs: [floatValue(value), ...readIn(tailNodes, graph.input)],
      outputs: graph.output,
    }),
  };
}

/**
 * The tail, where nothing asks for the shape of what lies in front of the cut: the batch is the first axis of the value that
 * it is cut at, and the other sizes are constants.
 * @param shapes of the values in front of the cut, the size of the batch as `dynamic`
 * @throws Error naming a value whose shape is not known
 */
export function withKnownShapes(
  tail: ModelProto,
  value: string,
  shapes: ReadonlyMap<string, Shape>,
): ModelProto {
  const graph = required(tail.graph, 'the graph of the tail');
  const own = new Set([
    ...graph.node.flatMap(({ output }) => output),
    ...[...graph.input, ...graph.initializer].map(({ name }) => name),
  ]);
  const constants: TensorProto[] = [];
  const nodes = graph.node.flatMap((node) => {
    const asked = itemAt(node.input, 0);
    if (!asksForShape(node) || own.has(asked)) return [node];
    const shape = shapes.get(asked);
    if (!shape) throw new Error(`behind ${value} the shape of ${asked} is asked for, which is not known`);
    const answer = shapeOf(value, node, shape);
    constants.push(...answer.constants);
    return answer.nodes;
  });
  return create(ModelProtoSchema, {
    ...tail,
    graph: create(GraphProtoSchema, {
      ...graph,
      node: nodes,
      initializer: [...graph.initializer, ...constants],
      input: readIn(nodes, graph.input),
    }),
  });
}

/** What gives the shape in place of a node that asks for it. */
function shapeOf(
  value: string,
  node: NodeProto,
  shape: Shape,
): { nodes: NodeProto[]; constants: TensorProto[] } {
  const output = itemAt(node.output, 0);
  const bound = (name: string, byDefault: number) =>
    Number(node.attribute.find((attribute) => attribute.name === name)?.i ?? byDefault);
  const sizes = shape.slice(bound('start', 0), bound('end', shape.length));
  const nodes: NodeProto[] = [];
  const constants: TensorProto[] = [];
  const constant = (name: string, numbers: readonly number[]) => {
    constants.push(
      create(TensorProtoSchema, {
        ...{ name, dataType: DataType.INT64, dims: [BigInt(numbers.length)] },
        rawData: new Uint8Array(BigInt64Array.from(numbers, BigInt).buffer),
      }),
    );
    return name;
  };
  const add = (opType: string, input: string[], name: string, axis?: number) => {
    const attribute =
      axis === undefined
        ? []
        : [create(AttributeProtoSchema, { name: 'axis', type: AttributeType.INT, i: BigInt(axis) })];
    nodes.push(create(NodeProtoSchema, { opType, name, input, output: [name], attribute }));
    return name;
  };
  const parts = sizes.map((size, axis) => {
    if (size !== dynamic) return constant(`${output}:size.${axis}`, [size]);
    const whole = add('Shape', [value], `${output}:whole`);
    return add('Gather', [whole, constant(`${output}:first`, [0])], `${output}:batch`, 0);
  });
  add('Concat', parts, output, 0);
  return { nodes, constants };
}

/** What tells nodes that ask for the shape of something that comes from the inputs. */
function shapeQuestions({ input, node: nodes }: GraphProto): (node: NodeProto) => boolean {
  const flowing = new Set(input.map(({ name }) => name));
  for (const node of nodes)
    if (!asksForShape(node) && node.input.some((name) => flowing.has(name)))
      for (const name of node.output) flowing.add(name);
  return (node) => asksForShape(node) && flowing.has(itemAt(node.input, 0));
}

function asksForShape({ opType, domain }: NodeProto): boolean {
  return opType === 'Shape' && isStandard(domain);
}

function part(
  model: ModelProto,
  graph: GraphProto,
  {
    nodes,
    inputs,
    outputs,
  }: { nodes: NodeProto[]; inputs: readonly ValueInfoProto[]; outputs: readonly ValueInfoProto[] },
): ModelProto {
  return create(ModelProtoSchema, {
    ...model,
    graph: create(GraphProtoSchema, {
      name: graph.name,
      node: nodes,
      initializer: readIn(nodes, graph.initializer),
      input: [...inputs],
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
