import { itemAt } from '../../indexing.ts';
import type { GraphProto, NodeProto } from '../onnx/onnx_pb.js';

/** A block of an encoder: what is computed from one value up to the next one that everything goes through. */
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
 * The blocks of a transformer, or else those of a convolutional network, first to last.
 * @param input the one that the blocks' values come from
 * @example blocksOf(graph, 'pixels').length // 12 of ViT-S
 */
export function blocksOf(graph: GraphProto, input: string): Block[] {
  const blocks = findBlocks(graph, input);
  return blocks.length > 0 ? blocks : findConvolutionBlocks(graph, input);
}

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
    const steps = flow.filter(({ at: place }) => place > at && place <= next.at);
    const attends = steps.some(({ node }) => attending.has(node.opType));
    const isJoined = steps.some(({ node }) => joining.has(node.opType) && node.input.includes(name));
    return attends && isJoined ? [{ name, at }] : [];
  });
  return between(flow, starts);
}

/** Operators of which one begins a block of a convolutional network: those that look at more than one place. */
const pooling = new Set(['MaxPool', 'AveragePool']);

/**
 * The blocks of a convolutional network, first to last: one convolution over several places each, with what stands around
 * it. Of the values between two of them through which everything goes, a block begins with the one of the fewest numbers:
 * they are what is cached.
 * @param input the one that the images come from
 * @example findConvolutionBlocks(graph, 'pixels').length // of EfficientNet-Lite0
 */
export function findConvolutionBlocks(graph: GraphProto, input: string): Block[] {
  const flow = flowOf(graph, input);
  const weights = new Map(graph.initializer.map(({ name, dims }) => [name, dims.map(Number)]));
  const sizes = sizesOf(flow, weights);
  const looking = flow.filter(({ node }) => {
    const [, , ...kernel] = weights.get(node.input[1] ?? '') ?? [];
    return pooling.has(node.opType) || (node.opType === 'Conv' && kernel.some((size) => size > 1));
  });
  const bottlenecks = bottlenecksOf(flow, input);
  const starts = looking.slice(1).flatMap(({ at }, index) => {
    const before = itemAt(looking, index).at;
    const candidates = bottlenecks.filter((one) => one.at >= before && one.at < at);
    const smallest = Math.min(...candidates.map(({ name }) => sizes.get(name) ?? Number.POSITIVE_INFINITY));
    return candidates.findLast(({ name }) => sizes.get(name) === smallest) ?? [];
  });
  return between(flow, starts);
}

/** The blocks that begin with values, each up to the next one. */
function between(flow: readonly Step[], starts: readonly { name: string; at: number }[]): Block[] {
  return starts.map(({ name, at }, index) => {
    const end = starts[index + 1]?.at ?? Number.POSITIVE_INFINITY;
    return { start: name, nodes: flow.flatMap((step) => (step.at > at && step.at <= end ? [step.at] : [])) };
  });
}

/** How many numbers there are of each value, as a share of one channel of the image: channels by places. */
function sizesOf(
  flow: readonly Step[],
  weights: ReadonlyMap<string, readonly number[]>,
): Map<string, number> {
  const places = new Map<string, number>();
  const channels = new Map<string, number>();
  for (const { node } of flow) {
    const from = node.input.find((name) => places.has(name));
    const strides = node.attribute.find(({ name }) => name === 'strides')?.ints.map(Number) ?? [];
    const shrinks = node.opType === 'Conv' || pooling.has(node.opType);
    const left = (places.get(from ?? '') ?? 1) / (shrinks ? strides.reduce((a, b) => a * b, 1) : 1);
    const outputs = node.opType === 'Conv' ? weights.get(node.input[1] ?? '')?.[0] : undefined;
    for (const name of node.output) {
      places.set(name, left);
      channels.set(name, outputs ?? channels.get(from ?? '') ?? 3);
    }
  }
  return new Map([...places].map(([name, left]) => [name, left * (channels.get(name) ?? 1)]));
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
