import { constant, integer, node, writeSumEncoder } from './sum-encoder.ts';

/** More float32 than an address space has bytes: no machine can give them, and every allocator says so at once. */
const tooMany = 2n ** 45n;

/**
 * Writes the folder of a text encoder whose feature is the sum of a text's ids, and which finds no memory for more than so
 * many rows: ONNX Runtime really asks for it, and really fails.
 */
export function writeHungryEncoder(folder: string, mostRows: number): Promise<void> {
  return writeSumEncoder(folder, 'hungry', {
    nodes: [
      node('Shape', ['input_ids'], 'shape'),
      node('Gather', ['shape', 'zero'], 'rows'),
      node('Greater', ['rows', 'most'], 'is_too_large'),
      node('Where', ['is_too_large', 'too_many', 'one'], 'count'),
      node('ConstantOfShape', ['count'], 'zeros'),
      node('ReduceSum', ['zeros'], 'addend', [integer('keepdims', 0)]),
    ],
    constants: [constant('zero', 0), constant('most', mostRows), constant('too_many', tooMany)],
  });
}
