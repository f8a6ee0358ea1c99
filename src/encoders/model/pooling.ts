import { TensorProto_DataType as DataType } from '../../graph/onnx/onnx_pb.js';
import type { ModelGraph } from './graph.ts';

/** The hidden states [rows, tokens, dimension] of a text model and its mask [rows, tokens], int64. */
interface Hidden {
  states: string;
  mask: string;
}

/** Adds the nodes that make one row of features of all tokens. @returns the name of [rows, dimension] */
type Pool = (graph: ModelGraph, hidden: Hidden) => string;

/** One row of weights for each text times its hidden states. @param weights float32 [rows, tokens] */
function weigh(graph: ModelGraph, weights: string, states: string): string {
  const rows = graph.add('Reshape', [weights, graph.integers([0, 1, -1])]);
  return graph.add('Reshape', [graph.add('MatMul', [rows, states]), graph.integers([0, -1])]);
}

const mean: Pool = (graph, { states, mask }) => {
  const weights = graph.add('Cast', [mask], { to: DataType.FLOAT });
  return graph.add('Div', [weigh(graph, weights, states), graph.sumOver(weights, 1)]);
};

const cls: Pool = (graph, { states }) => graph.add('Gather', [states, graph.integers([0], [])], { axis: 1 });

const last: Pool = (graph, { states, mask }) => {
  const ends = graph.add('Sub', [graph.sumOver(mask, 1), graph.integers([1])]);
  const tokens = graph.add('Gather', [graph.add('Shape', [mask]), graph.integers([1])], { axis: 0 });
  const marks = graph.add('OneHot', [ends, tokens, graph.floats([0, 1])]);
  return weigh(graph, graph.add('Reshape', [marks, graph.integers([0, -1])]), states);
};

/** How a text's hidden states become its features: the mean of its tokens, its first, or its last. */
export const poolings = { mean, cls, last } satisfies Record<string, Pool>;
export type Pooling = keyof typeof poolings;
export const poolingNames = Object.keys(poolings) as Pooling[];
