import { split } from '../graph/operations/layout.ts';
import { elementCount } from '../graph/shape.ts';
import { type Input, input, type Shape } from '../graph/value.ts';
import { type HeadArchitecture, parameterShapes } from './architecture.ts';
import type { Parameters } from './parameters.ts';

/**
 * Parameters as a training step keeps them: every matrix by itself, and all vectors end to end in one, because an
 * optimizer's dozen operations cost the same on a vector of ten numbers as on one of a thousand.
 */
const packedName = 'vectors';

interface Layout {
  matrices: [name: string, shape: Shape][];
  vectors: [name: string, shape: Shape][];
}

/** What a training step trains, and the parameters in it by their own names. */
export function packedInputs(architecture: HeadArchitecture): { trained: Input[]; parameters: Parameters } {
  const { matrices, vectors } = layoutOf(architecture);
  const inputs = matrices.map(([name, shape]) => input(name, shape));
  const sizes = vectors.map(([, shape]) => elementCount(shape));
  const packed = input(packedName, [sizes.reduce((sum, size) => sum + size, 0)]);
  const pieces = split(packed, sizes, 0);
  return {
    trained: [...inputs, packed],
    parameters: Object.fromEntries([
      ...inputs.map((matrix) => [matrix.name, matrix] as const),
      ...vectors.map(([name], index) => [name, pieces[index]] as const),
    ]),
  };
}

/** For every element of the packed vector, the name of the parameter that it belongs to. */
export function vectorOwners(architecture: HeadArchitecture): string[] {
  return layoutOf(architecture).vectors.flatMap(([name, shape]) => Array(elementCount(shape)).fill(name));
}

/** Parameter values as `packedInputs` names them. */
export function packValues(
  architecture: HeadArchitecture,
  values: Parameters<Float32Array>,
): Record<string, Float32Array> {
  const { matrices, vectors } = layoutOf(architecture);
  const packed = new Float32Array(vectors.reduce((sum, [, shape]) => sum + elementCount(shape), 0));
  let offset = 0;
  for (const [name, shape] of vectors) {
    packed.set(values[name], offset);
    offset += elementCount(shape);
  }
  return { ...Object.fromEntries(matrices.map(([name]) => [name, values[name]])), [packedName]: packed };
}

/** The opposite: parameter values by their own names. */
export function unpackValues(
  architecture: HeadArchitecture,
  packed: (name: string) => Float32Array,
): Parameters<Float32Array> {
  const { matrices, vectors } = layoutOf(architecture);
  const joined = packed(packedName);
  let offset = 0;
  return Object.fromEntries([
    ...matrices.map(([name]) => [name, packed(name)] as const),
    ...vectors.map(([name, shape]) => {
      const from = offset;
      offset += elementCount(shape);
      return [name, joined.slice(from, offset)] as const;
    }),
  ]);
}

function layoutOf(architecture: HeadArchitecture): Layout {
  const shapes = Object.entries(parameterShapes(architecture));
  return {
    matrices: shapes.filter(([, shape]) => shape.length > 1),
    vectors: shapes.filter(([, shape]) => shape.length === 1),
  };
}
