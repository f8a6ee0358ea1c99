import type { GraphProto, NodeProto } from '../onnx/onnx_pb.js';

/** A block of an encoder: attention with its residual connection, and all that follows up to the next one. */
export interface Block {
  /** The one value through which all that the block computes from the input goes. */
  start: string;
  /** Places of its nodes in the graph. */
  nodes: readonly number[];
}

/** Operators that attend. */
const attending = new Set(['Softmax', 'MultiHeadAttention', 'Attention', 'GroupQueryAttention']);
/** Operators that close a residual connection. */
const joining = new Set(['Add', 'Sum', 'SkipLayerNormalization']);

/**
 * The blocks of a transformer, first to last, found by how its values flow: between two values through which everything
 * goes lies attention, and what it adds is added to the first of them.
 * @param input the one that the residual stream comes from
 * @example findBlocks(graph, 'input_ids').length // 6 of MiniLM
 */
export function findBlocks(graph: GraphProto, input: string): Block[] {
  const flow = flowOf(graph, input);
  const bottlenecks = bottlenecksOf(flow, input);
  const starts = bottlenecks.flatMap(({ name, at }, index) => {
    const next = bottlenecks[index + 1];
    if (!next) return [];
    const between = flow.filter(({ at: place }) => place > at && place <= next.at);
    const attends = between.some(({ node }) => attending.has(node.opType));
    const isJoined = between.some(({ node }) => joining.has(node.opType) && node.input.includes(name));
    return attends && isJoined ? [{ name, at }] : [];
  });
  return starts.map(({ name, at }, index) => {
    const end = starts[index + 1]?.at ?? Number.POSITIVE_INFINITY;
    return { start: name, nodes: flow.flatMap((step) => (step.at > at && step.at <= end ? [step.at] : [])) };
  });
}

/** A node that computes with what comes from the input, and on which an output rests. */
interface Step {
  node: NodeProto;
  /** Its place in the graph. */
  at: number;
}

function flowOf({ node: nodes, output }: GraphProto, input: string): Step[] {
  const needed = new Set(output.map(({ name }) => name));
  for (const node of nodes.toReversed())
    if (node.output.some((name) => needed.has(name))) for (const name of node.input) needed.add(name);
  const flowing = new Set([input]);
  return nodes.flatMap((node, at) => {
    // A shape says nothing of the elements.
    const isReached = node.opType !== 'Shape' && node.input.some((name) => flowing.has(name));
    if (!isReached || !node.output.some((name) => needed.has(name))) return [];
    for (const name of node.output) flowing.add(name);
    return [{ node, at }];
  });
}

/** The values through which everything goes that comes from the input, in order. */
function bottlenecksOf(flow: readonly Step[], input: string): { name: string; at: number }[] {
  const lastUse = new Map<string, number>();
  for (const { node, at } of flow) for (const name of node.input) lastUse.set(name, at);
  const open = new Set([input]);
  return flow.flatMap(({ node, at }) => {
    for (const name of node.output) if (lastUse.has(name)) open.add(name);
    for (const name of open) if ((lastUse.get(name) ?? at) <= at) open.delete(name);
    const [only, ...others] = open;
    return only !== undefined && others.length === 0 ? [{ name: only, at }] : [];
  });
}
