import { create } from '@bufbuild/protobuf';
import { type GraphProto, GraphProtoSchema, type ModelProto, ModelProtoSchema } from '../onnx/onnx_pb.js';
import { namesIn, nodesFor, readIn } from './dependencies.ts';

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
  const node = nodesFor(
    graph,
    output.map(({ name }) => name),
  );
  return create(ModelProtoSchema, {
    ...model,
    graph: create(GraphProtoSchema, {
      ...graph,
      ...{ node, output },
      initializer: readIn(node, graph.initializer),
      input: readIn(node, graph.input),
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
