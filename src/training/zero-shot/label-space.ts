import type { Encoders } from '../../encoders/encoders.ts';
import { isPair } from '../../encoders/pair.ts';
import type { PooledEncoder, PooledEncoders } from '../../encoders/pooled-encoder.ts';
import { joinReferences } from '../../encoders/reference.ts';
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
 * @throws TandemError `invalid-request` naming the option that says what the encoders' files do not, or where there are several
 *   encoders of a modality
 * @example labelSpace(encoders, { labels: ['cat', 'dog'], head: 'animals' }).modalities // ['image', 'text']
 */
export function labelSpace(
  { byModality }: Pick<Encoders, 'byModality'>,
  {
    target = 'single',
    templates,
    logitScale,
    logitBias,
    needsImages,
  }: Omit<ZeroShotRequest, 'head' | 'labels'>,
): LabelSpace {
  const text = onlyOne(byModality.text);
  const pair = text.pair && isPair(onlyOne(byModality.image), text) ? text.pair : undefined;
  if (needsImages && !pair)
    throw new TandemError(
      'invalid-request',
      `${joinReferences(byModality.image).id} and ${text.id} are not the two sides of one pair, so that images cannot be held against names`,
      {
        fix: 'Add both sides of a pair from one model (`encoders add` with --modality image and --modality text) and name it twice, or leave out the image encoder: the head then answers from texts.',
      },
    );
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

/** Features of several encoders, one behind the other, lie in no space of labels. */
function onlyOne([encoder, ...others]: PooledEncoders): PooledEncoder {
  if (others.length === 0) return encoder;
  const { id } = joinReferences([encoder, ...others]);
  throw new TandemError(
    'invalid-request',
    `labels are held against the features of one encoder, not of several, as ${id}`,
    {
      fix: `Name one with --${encoder.modality}-encoder (${encoder.modality}Encoder), such as ${encoder.id}.`,
    },
  );
}

function undecided(option: string, value: string, why: string): TandemError {
  return new TandemError('invalid-request', why, {
    fix: `Say it with --${option}, such as --${option} ${value}; its model card or its Python weights (exp(logit_scale), logit_bias) have it.`,
  });
}
