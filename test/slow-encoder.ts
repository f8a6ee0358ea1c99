import { constant, integer, node, writeSumEncoder } from './sum-encoder.ts';

/** Rows and columns of what is multiplied. */
const size = 1500;

/**
 * Writes the folder of a text encoder whose feature is the sum of a text's ids, and which takes long to load: ONNX Runtime
 * computes what is constant in it, here a product of many large matrices, whose zeros it adds.
 * @param products each takes about a tenth of a second of a core
 */
export function writeSlowEncoder(folder: string, products: number): Promise<void> {
  return writeSumEncoder(folder, 'slow', {
    nodes: [
      node('ConstantOfShape', ['shape'], 'product_0'),
      ...Array.from({ length: products }, (_, index) =>
        node('MatMul', [`product_${index}`, 'product_0'], `product_${index + 1}`),
      ),
      node('ReduceSum', [`product_${products}`], 'addend', [integer('keepdims', 0)]),
    ],
    constants: [{ ...constant('shape', size), dims: [2n], int64Data: [BigInt(size), BigInt(size)] }],
  });
}
