import { TandemError } from '../../errors.ts';
import { checkHeadName } from '../../heads/registry/head-name.ts';
import { quote } from '../../quote.ts';
import { problemOfLabel } from '../../targets/labels.ts';

/** What stands for the label in a template. */
export const labelPlace = '{}';

/** Targets that names of labels make a head for: exactly one label, or each label by itself. */
export const zeroShotTargets = ['single', 'multi'] as const;

/** What a person may ask of a head of label names. */
export interface ZeroShotRequest {
  /** Name of the head; one that exists gets its next version. */
  head: string;
  labels: readonly string[];
  /**
   * Texts with `{}` in place of the label. Of several, a label's direction is the mean (prompt ensembling). By default
   * `This is a photo of {}.` where the encoders are a pair, else the label alone.
   */
  templates?: readonly string[];
  /** `single` by default; `multi` judges each label by itself, which takes a bias, as SigLIP has. */
  target?: (typeof zeroShotTargets)[number];
  /** What cosines are multiplied by, in place of the encoders' own. */
  logitScale?: number;
  /** What is added to them, in place of the encoders' own. */
  logitBias?: number;
  /** Whether the head must answer from images: where the encoders are no pair, none is made. */
  needsImages?: boolean;
}

/** Texts that are encoded for one head, at most. */
const mostTexts = 100_000;

/**
 * Checks what can be told before anything is encoded.
 * @throws TandemError `invalid-request` naming what is wrong
 */
export function checkZeroShot({ head, labels, templates = [], target }: ZeroShotRequest): void {
  checkHeadName(head);
  const refuse = (detail: string): never => {
    throw new TandemError('invalid-request', detail, { fix: 'heads zero-shot --help shows an example.' });
  };
  const least = target === 'multi' ? 1 : 2;
  if (labels.length < least) refuse(`labels: a head needs ${least} or more, and there are ${labels.length}`);
  const seen = new Set<string>();
  const twice = labels.find((label) => seen.size === seen.add(label).size);
  if (twice !== undefined) refuse(`labels: ${quote(twice)} is named twice`);
  if (labels.some((label) => label.trim() === '')) refuse('labels: one of them is empty');
  const problem = labels.map(problemOfLabel).find(Boolean);
  if (problem !== undefined) refuse(`labels: ${problem}`);
  const bare = templates.find((template) => !template.includes(labelPlace));
  if (bare !== undefined) refuse(`templates: ${quote(bare)} has no ${labelPlace}, where the label belongs`);
  if (labels.length * Math.max(templates.length, 1) > mostTexts)
    refuse(`labels: ${labels.length} with ${templates.length} templates are more than ${mostTexts} texts`);
}
