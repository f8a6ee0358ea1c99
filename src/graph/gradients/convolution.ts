import { expectAttribute, given, integerOf, integersOf, unsupported } from '../attributes.ts';
import { multiply } from '../operations/elementwise.ts';
import { concat, pad, reshape, slice } from '../operations/layout.ts';
import { batchedMatmul } from '../operations/linear.ts';
import { sum } from '../operations/reduction.ts';
import { apply, integers, type Node, type Shape, type Value } from '../value.ts';
import type { GradientRules } from './rule.ts';

/** Of images [batch, channels, height, width]. */
export const convolutionRules: GradientRules = {
  Conv: (node, [dy]) => {
    const convolution = read(node);
    const { weight } = convolution;
    const bias = node.inputs[2];
    return [
      gradientOfImages(convolution, given(dy)),
      reshape(gradientOfWeight(convolution, given(dy)), weight.shape),
      bias && sum(given(dy), [0, 2, 3]),
    ];
  },
};

type Pair = readonly [height: number, width: number];

interface Convolution {
  x: Value;
  /** [outputs, inputs / groups, height, width]. */
  weight: Value;
  groups: number;
  kernel: Pair;
  strides: Pair;
  dilations: Pair;
  /** Zeros around the image. */
  before: Pair;
  behind: Pair;
}

/** @throws Error where it is none of images, or chooses its own padding */
function read(node: Node): Convolution {
  const [x, weight] = [given(node.inputs[0]), given(node.inputs[1])];
  expectAttribute(node, 'auto_pad', 'NOTSET');
  if (x.shape.length !== 4) throw unsupported(node, `values of rank ${x.shape.length}`);
  const pads = integersOf(node, 'pads') ?? [0, 0, 0, 0];
  const pair = (values: readonly number[], from = 0): Pair => [given(values[from]), given(values[from + 1])];
  return {
    x,
    weight,
    groups: integerOf(node, 'group', 1),
    kernel: pair(weight.shape, 2),
    strides: pair(integersOf(node, 'strides') ?? [1, 1]),
    dilations: pair(integersOf(node, 'dilations') ?? [1, 1]),
    before: pair(pads),
    behind: pair(pads, 2),
  };
}

/** The transposed convolution. Pixels that the last stride passed over get their zeros by `output_padding`. */
function gradientOfImages(convolution: Convolution, dy: Value): Value {
  const { x, weight, groups, kernel, strides, dilations, before, behind } = convolution;
  const missed = ([0, 1] as const).map((axis) => {
    const covered =
      (given(dy.shape[2 + axis]) - 1) * strides[axis] + dilations[axis] * (kernel[axis] - 1) + 1;
    return given(x.shape[2 + axis]) + before[axis] + behind[axis] - covered;
  });
  return apply('ConvTranspose', [dy, weight], {
    shape: x.shape,
    attributes: {
      group: groups,
      strides,
      dilations,
      pads: [...before, ...behind],
      output_padding: missed,
    },
  });
}

function gradientOfWeight(convolution: Convolution, dy: Value): Value {
  const { groups, kernel, strides, dilations } = convolution;
  const padded = withPadding(convolution);
  const [batch, inputs] = pairOf(padded.shape, 0);
  const [outputs, ownInputs] = [given(dy.shape[1]), inputs / groups];
  const [height, width] = pairOf(dy.shape, 2);
  // [batch, groups, outputs of a group, pixels]
  const upstream = reshape(dy, [batch, groups, outputs / groups, height * width]);
  // One product of matrices for each tap of the kernel: what the tap saw, by what came back.
  const taps = range(kernel[0]).flatMap((row) =>
    range(kernel[1]).map((column) => {
      const seen = strided(padded, [row * dilations[0], column * dilations[1]], strides, [height, width]);
      const grouped = reshape(seen, [batch, groups, ownInputs, height * width]);
      const product =
        ownInputs === 1 && outputs === groups
          ? sum(multiply(upstream, grouped), [0, 3])
          : sum(batchedMatmul(upstream, grouped, { transposeB: true }), [0]);
      return reshape(product, [outputs * ownInputs, 1]);
    }),
  );
  return concat(taps, 1);
}

function withPadding({ x, before, behind }: Convolution): Value {
  return pad(x, [0, 0, ...before], [0, 0, ...behind]);
}

/** Every `strides`-th pixel from `from` on, so that there are `size` of them. */
function strided(x: Value, from: Pair, strides: Pair, size: Pair): Value {
  const ends = [from[0] + strides[0] * (size[0] - 1) + 1, from[1] + strides[1] * (size[1] - 1) + 1];
  const [batch, channels] = pairOf(x.shape, 0);
  if (strides.every((stride) => stride === 1)) return slice(x, [0, 0, ...from], [batch, channels, ...ends]);
  return apply('Slice', [x, integers(from), integers(ends), integers([2, 3]), integers(strides)], {
    shape: [batch, channels, ...size],
  });
}

function pairOf(shape: Shape, from: number): Pair {
  return [given(shape[from]), given(shape[from + 1])];
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}
