import path from 'node:path';
import { z } from 'zod';
import type { PairSide } from '../pair.ts';
import type { ModelConfig, ModelFolder } from './model-folder.ts';
import { readScalars } from './safetensors.ts';

/**
 * CLIP's training never lets the scale exceed 100 (Radford et al. 2021, section 2.5), and the published models end there.
 * config.json has only the value that the training began with.
 */
const clipScale = 100;

/** The weights that tell a pair's scale and bias. */
export const pairWeights = 'model.safetensors';
/** What was read of them where they are not beside the ONNX files: their numbers alone, as the hub gave them. */
export const pairNumbersFile = 'pair-numbers.json';

/** As the weights have them: the scale is a logarithm. */
const pairNumbers = z.object({ logit_scale: z.number().optional(), logit_bias: z.number().optional() });
export const pairNumberNames = ['logit_scale', 'logit_bias'] as const;

/**
 * What a side of a pair says of its space: the scale and the bias of the pair's training, as the model's own weights have
 * them where those lie beside the ONNX files, or as they were read from the hub.
 * @returns undefined for a model that is no side of a pair
 * @throws TandemError `invalid-encoder` where the weights are damaged
 * @example await readPairSide(model); // { model: 'openai/clip-vit-base-patch32@3d74acf…', logitScale: 100 }
 */
export async function readPairSide(model: ModelFolder): Promise<PairSide | undefined> {
  if (!hasBothSides(model.config)) return undefined;
  const { logit_scale: logarithm, logit_bias: bias } = model.has(pairWeights)
    ? await readScalars(path.join(model.path, pairWeights), pairNumberNames)
    : ((await model.json(pairNumbersFile, pairNumbers)) ?? {});
  const usual = model.config.model_type === 'clip' ? clipScale : undefined;
  const logitScale = logarithm === undefined ? usual : Math.exp(logarithm);
  return {
    model: model.source,
    ...(logitScale !== undefined && { logitScale }),
    ...(bias !== undefined && { logitBias: bias }),
  };
}

/** Whether a model says that it is a pair: it describes a side for images and one for texts. */
export function hasBothSides({ text_config: text, vision_config: vision }: ModelConfig): boolean {
  return [text, vision].every((side) => typeof side === 'object' && side !== null);
}
