import { create } from '@bufbuild/protobuf';
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
} from '../onnx/onnx_pb.js';

/**
 * The part of a model that does without some of its inputs: the outputs that do not rest on them, and what those are computed
 * of. It has no outputs where each rests on one of them.
 * @param inputs names of those that are left out
 * @example withoutInputs(clip, ['pixel_values']).graph?.output // [text_embeds]
 */
export function withoutInputs(model: ModelProto, inputs: readonly string[]): ModelProto {
  const { graph } = model;
  if (!graph) return model;
  const output = independentOf(graph, inputs);
  const needed = new Set(output.map(({ name }) => name));
  const nodes = graph.node.toReversed().filter((node) => {
    if (!node.output.some((name) => needed.has(name))) return false;
    for (const name of namesIn(node)) needed.add(name);
    return true;
  });
  const isNeeded = ({ name }: { name: string }) => needed.has(name);
  return create(ModelProtoSchema, {
    ...model,
    graph: create(GraphProtoSchema, {
      ...graph,
      output,
      node: nodes.reverse(),
      initializer: graph.initializer.filter(isNeeded),
      input: graph.input.filter(isNeeded),
    }),
  });
}

/** The outputs that rest on none of these inputs. */
function independentOf(graph: GraphProto, inputs: readonly string[]): GraphProto['output'] {
  const resting = new Set(inputs);
  for (const node of graph.node)
    if (namesIn(node).some((name) => resting.has(name))) for (const name of node.output) resting.add(name);
  return graph.output.filter(({ name }) => !resting.has(name));
}

/** What a node reads, in the graphs inside it as well; other names of those do no harm. */
function namesIn({ input, attribute }: NodeProto): string[] {
  const inner = attribute.flatMap(({ g, graphs }) => (g ? [g, ...graphs] : graphs));
  return [
    ...input,
    ...inner.flatMap(({ node, output }) => [...node.flatMap(namesIn), ...output.map(({ name }) => name)]),
  ];
}
