import type { GivenInput } from '../graph/import/trial-run.ts';
import type { GraphProto } from '../graph/onnx/onnx_pb.js';
import { dynamic } from '../graph/value.ts';
import type { PretrainedName } from '../modalities/registry.ts';

/** What an encoder of a modality takes, which decides how it is cut. */
export interface CutForm {
  /** The input that the blocks' values come from. */
  input: string;
  /** The input that says which tokens are there, which the tail takes as well; undefined where all always are. */
  mask?: string;
  /**
   * The inputs for a trial run.
   * @param tokens of a text
   */
  given(graph: GraphProto, tokens: number | undefined): Readonly<Record<string, GivenInput>>;
}

/** By modality. */
export const cutForms: Readonly<Record<PretrainedName, CutForm>> = {
  text: {
    input: 'input_ids',
    mask: 'attention_mask',
    given: (_, tokens = 1) => {
      const ofTokens = { type: 'int64', shape: [dynamic, tokens] } as const;
      return { input_ids: ofTokens, attention_mask: ofTokens };
    },
  },
  image: {
    input: 'pixels',
    given: ({ input }) => ({
      pixels: { type: 'uint8', shape: [dynamic, ...sizesOf(input, 'pixels').slice(1)] },
    }),
  },
};

function sizesOf(inputs: GraphProto['input'], name: string): number[] {
  const type = inputs.find((input) => input.name === name)?.type?.value;
  const dimensions = type?.case === 'tensorType' ? (type.value.shape?.dim ?? []) : [];
  return dimensions.map(({ value }) => (value.case === 'dimValue' ? Number(value.value) : dynamic));
}
