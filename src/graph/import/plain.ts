import { itemAt } from '../../indexing.ts';
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  type ModelProto,
  type NodeProto,
} from '../onnx/onnx_pb.js';
import { attributesOf, floatOf, integerOf } from './call.ts';
import { graphsIn } from './model-parts.ts';
import { NodeWriter } from './node-writer.ts';

const contributed = 'com.microsoft';

/** Writes the operators that a node stands for; its outputs keep their names. */
type Unfold = (node: NodeProto, writer: NodeWriter) => void;

/**
 * What operators of ONNX Runtime's own stand for, whatever the shapes are.
 * github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md says what each computes; `fused.ts` unfolds more of them
 * where shapes are known.
 */
const unfolding: Readonly<Record<string, Unfold>> = {
  Gelu: ({ input, output }, write) => write.node('Gelu', input, { output: itemAt(output, 0) }),
  FastGelu: ({ input: [x = '', bias = ''], output }, write) =>
    write.node('Gelu', [bias === '' ? x : write.node('Add', [x, bias])], {
      ...{ output: itemAt(output, 0), approximate: 'tanh' },
    }),
  BiasGelu: ({ input, output }, write) =>
    write.node('Gelu', [write.node('Add', input)], { output: itemAt(output, 0) }),
  QuickGelu: (node, write) => {
    const x = itemAt(node.input, 0);
    const scaled = write.node('Mul', [
      x,
      write.float(floatOf({ attributes: attributesOf(node) }, 'alpha', 1.702)),
    ]);
    write.node('Mul', [x, write.node('Sigmoid', [scaled])], { output: itemAt(node.output, 0) });
  },
  SkipLayerNormalization: (node, write) => {
    const [x = '', skip = '', gain = '', shift = '', bias = ''] = node.input;
    const [normalized = '', mean = '', deviation = '', total = ''] = node.output;
    if (mean !== '' || deviation !== '') throw new Error('its statistics are read');
    const sum = write.node('Add', [x, skip]);
    const shifted = bias === '' ? sum : write.node('Add', [sum, bias]);
    if (total !== '') write.node('Identity', [shifted], { output: total });
    const epsilon = floatOf({ attributes: attributesOf(node) }, 'epsilon', 1e-12);
    write.node('LayerNormalization', shift === '' ? [shifted, gain] : [shifted, gain, shift], {
      ...{ output: normalized, axis: -1, epsilon: { float: epsilon } },
    });
  },
  MultiHeadAttention: attention,
};

/**
 * The same model of ONNX's own operators alone, for other runtimes than ONNX Runtime.
 * @throws Error that names a node that has no form without shapes
 * @example plainModel(linkModels(parts, ['answers']))
 */
export function plainModel(model: ModelProto): ModelProto {
  if (model.graph) unfoldAll(model.graph);
  return { ...model, opsetImport: model.opsetImport.filter(({ domain }) => domain !== contributed) };
}

function unfoldAll(graph: GraphProto): void {
  const writer = new NodeWriter(graph);
  for (const node of graph.node) {
    for (const inner of graphsIn(node)) unfoldAll(inner);
    if (node.domain === contributed) unfoldNode(node, writer);
    else writer.nodes.push(node);
  }
  graph.node = writer.nodes;
}

function unfoldNode(node: NodeProto, writer: NodeWriter): void {
  const unfold = unfolding[node.opType];
  writer.beginAt(itemAt(node.output, 0));
  try {
    if (!unfold) throw new Error("it is ONNX Runtime's own");
    unfold(node, writer);
  } catch (error) {
    throw new Error(`${node.opType} ${node.name} has no plain form here: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** `softmax(q kᵀ / √d + mask) v` by head, [batch, tokens, width] each (Vaswani et al. 2017). */
function attention(node: NodeProto, write: NodeWriter): void {
  const [query = '', key = '', value = '', bias = '', mask = '', added = '', ...past] = node.input;
  if (
    key === '' ||
    value === '' ||
    past.some((name) => name !== '') ||
    node.output.slice(1).some((name) => name !== '')
  )
    throw new Error('packed or remembered keys and values are not supported');
  if (integerOf({ attributes: attributesOf(node) }, 'unidirectional', 0) === 1)
    throw new Error('it is unidirectional');
  const heads = integerOf({ attributes: attributesOf(node) }, 'num_heads', 1);
  const biases = bias === '' ? undefined : write.nodes3('Split', [bias], { axis: 0, num_outputs: 3 });
  const byHead = (x: string, index: 0 | 1 | 2, perm: readonly number[]) => {
    const shifted = biases ? write.node('Add', [x, biases[index]]) : x;
    const rows = write.node('Reshape', [shifted, write.integers([0, 0, heads, -1])]);
    return write.node('Transpose', [rows], { perm });
  };
  const [q, k, v] = [
    byHead(query, 0, [0, 2, 1, 3]),
    byHead(key, 1, [0, 2, 3, 1]),
    byHead(value, 2, [0, 2, 1, 3]),
  ];
  const scale = floatOf({ attributes: attributesOf(node) }, 'scale', 0);
  const products = write.node('MatMul', [q, k]);
  let scores =
    scale === 0
      ? write.node('Div', [products, rootOfSize(q, write)])
      : write.node('Mul', [products, write.float(scale)]);
  if (added !== '') scores = write.node('Add', [scores, added]);
  if (mask !== '') scores = write.node('Add', [scores, fillOf(mask, node, write)]);
  const mixed = write.node('MatMul', [write.node('Softmax', [scores], { axis: -1 }), v]);
  const rows = write.node('Transpose', [mixed], { perm: [0, 2, 1, 3] });
  write.node('Reshape', [rows, write.integers([0, 0, -1])], { output: itemAt(node.output, 0) });
}

/** The root of a head's size. */
function rootOfSize(query: string, write: NodeWriter): string {
  const size = write.node('Shape', [query], { start: 3, end: 4 });
  return write.node('Sqrt', [write.node('Cast', [size], { to: DataType.FLOAT })]);
}

/** What is added to scores where the mask [batch, tokens] is 0. */
function fillOf(mask: string, node: NodeProto, write: NodeWriter): string {
  const isShown = write.node('Cast', [mask], { to: DataType.BOOL });
  const filter = floatOf({ attributes: attributesOf(node) }, 'mask_filter_value', -10000);
  const fill = write.node('Where', [isShown, write.float(0), write.float(filter)]);
  return write.node('Unsqueeze', [fill, write.integers([1, 2])]);
}
