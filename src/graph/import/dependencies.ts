import type { GraphProto, NodeProto } from '../onnx/onnx_pb.js';
import { graphsIn } from './model-parts.ts';

/**
 * The nodes that values rest on, in order, up to those that are given.
 * @param given values that need no node
 * @param isLast nodes whose own inputs are not looked at
 * @example nodesFor(graph, ['text_embeds']) // what a text encoder computes, without the image's side
 */
export function nodesFor(
  graph: GraphProto,
  values: readonly string[],
  given: ReadonlySet<string> = new Set(),
  isLast: (node: NodeProto) => boolean = () => false,
): NodeProto[] {
  const needed = new Set(values);
  const found = graph.node.toReversed().filter((node) => {
    if (!node.output.some((name) => needed.has(name) && !given.has(name))) return false;
    if (!isLast(node)) for (const name of namesIn(node)) needed.add(name);
    return true;
  });
  return found.reverse();
}

/** Those of some values that nodes read. */
export function readIn<Named extends { name: string }>(
  nodes: readonly NodeProto[],
  values: readonly Named[],
): Named[] {
  const read = new Set(nodes.flatMap(namesIn));
  return values.filter(({ name }) => read.has(name));
}

/** What a node reads, in the graphs inside it as well; other names of those do no harm. */
export function namesIn(node: NodeProto): string[] {
  return [
    ...node.input,
    ...graphsIn(node).flatMap(({ node, output }) => [
      ...node.flatMap(namesIn),
      ...output.map(({ name }) => name),
    ]),
  ];
}
