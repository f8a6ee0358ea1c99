import type { Encoders } from '../../encoders/encoders.ts';
import { isPair } from '../../encoders/pair.ts';
import { TandemError } from '../../errors.ts';
import type { PretrainedName } from '../../modalities/registry.ts';
import type { ZeroShotRequest } from './request.ts';

/** Which features are held against the names of labels, and how. */
export interface LabelSpace {
  /** In the head's order. */
  modalities: PretrainedName[];
  templates: readonly string[];
  scale: number;
  bias: number;
}

/** What transformers' zero-shot pipeline puts a label into. */
const pairTemplates = ['This is a photo of {}.'];

/** The scale that sentence-transformers train with by default (MultipleNegativesRankingLoss). */
const sentenceScale = 20;

/**
 * The space that the encoders share: of a pair it has images and texts, else texts alone. Labels that are judged each by
 * itself are judged of images: a pair's bias was trained for an image and a text, and two texts are always nearer.
 * @throws TandemError `invalid-request` naming the option that says what the encoders' files do not
 * @example labelSpace(encoders, { labels: ['cat', 'dog'], head: 'animals' }).modalities // ['image', 'text']
 */
export function labelSpace(
  { byModality: { image, text } }: Pick<Encoders, 'byModality'>,
  { target = 'single', templates, logitScale, logitBias }: Omit<ZeroShotRequest, 'head' | 'labels'>,
): LabelSpace {
  const pair = isPair(image, text) ? text.pair : undefined;
  const scale = logitScale ?? (pair ? pair.logitScale : sentenceScale);
  if (scale === undefined)
    throw undecided('logit-scale', '100', `${text.id} does not say what its cosines are multiplied by`);
  const isEachAlone = target === 'multi';
  const bias = isEachAlone ? (logitBias ?? pair?.logitBias) : 0;
  if (bias === undefined)
    throw undecided(
      'logit-bias',
      '-16.8',
      `${text.id} has no bias, without which no label can be judged by itself; SigLIP has one`,
    );
  const modalities: PretrainedName[] = pair ? (isEachAlone ? ['image'] : ['image', 'text']) : ['text'];
  return { modalities, templates: templates ?? (pair ? pairTemplates : ['{}']), scale, bias };
}

function undecided(option: string, value: string, why: string): TandemError {
  return new TandemError('invalid-request', why, {
    fix: `Say it with --${option}, such as --${option} ${value}; its model card or its Python weights (exp(logit_scale), logit_bias) have it.`,
  });
}
