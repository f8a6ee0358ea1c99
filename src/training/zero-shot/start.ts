import { emitPrototypes, type Prototypes } from '../../arl/prototypes.ts';
import type { HeadCalibration } from '../../arl/serving.ts';
import type { Dataset } from '../../datasets/example.ts';
import { modalitiesIn } from '../../datasets/with-modality.ts';
import { type EncoderNames, namesByModality } from '../../encoders/encoder-names.ts';
import type { Encoders } from '../../encoders/encoders.ts';
import { joinReferences } from '../../encoders/reference.ts';
import { TandemError } from '../../errors.ts';
import { classifierOf, type ItemProbabilities, parseHeadManifest } from '../../heads/head.ts';
import type { HeadManifest } from '../../heads/manifest.ts';
import type { HeadVersion } from '../../heads/registry/head-reading.ts';
import type { ModalityName } from '../../modalities/registry.ts';
import type { Engine } from '../../runtime/engine.ts';
import { type FeatureTable, selectRows } from '../features/feature-table.ts';
import { answerRows } from '../loop/answer-rows.ts';
import { labelDirections } from './label-directions.ts';

/** A head of label names that a training starts from. */
export interface Start {
  /** `animals@1` */
  head: string;
  /** Of the dataset's labels, in their order, for each modality that the head answers from. */
  prototypes: Readonly<Partial<Record<ModalityName, Prototypes>>>;
}

/** What a head of label names needs to be started from. */
export interface StartHead {
  head: string;
  manifest: HeadManifest & Required<Pick<HeadManifest, 'zeroShot'>>;
}

/**
 * The manifest of a head that a training is to start from.
 * @throws TandemError `invalid-recipe` where it was not made of label names; `damaged-artifact`
 */
export function readStart({
  name,
  version,
  manifest: text,
}: Pick<HeadVersion, 'name' | 'version' | 'manifest'>): StartHead {
  const head = `${name}@${version}`;
  const { zeroShot, ...manifest } = parseHeadManifest(text, head);
  if (!zeroShot)
    throw new TandemError(
      'invalid-recipe',
      `${head} was not made of label names, and no other head can be started from`,
      {
        fix: 'Make one with `heads zero-shot`, and name it.',
      },
    );
  return { head, manifest: { ...manifest, zeroShot } };
}

/**
 * The encoders that a training from a head takes, by their fingerprints.
 * @example encodersOfStart(start) // { imageEncoder: '1f80900f…', textEncoder: '9a0b…' }
 */
export function encodersOfStart({ manifest: { encoders, zeroShot } }: StartHead): EncoderNames {
  const image = encoders.find(({ modality }) => modality === 'image');
  return {
    ...(image && { imageEncoder: image.fingerprint }),
    textEncoder: zeroShot.textEncoder.fingerprint,
  };
}

/**
 * Names the dataset's labels in the head's space. Labels that the head does not know are named as those that it does.
 * @param encoders those of the head, see {@link encodersOfStart}
 * @throws TandemError `invalid-recipe` where the target or an encoder is another, or no example has what the head answers from
 */
export async function openStart(
  encoders: Encoders,
  { head, manifest }: StartHead,
  dataset: Dataset,
  signal?: AbortSignal,
): Promise<Start> {
  const { target, labels } = dataset;
  const refuse = (detail: string): never => {
    throw new TandemError('invalid-recipe', `startFrom: ${detail}`);
  };
  if (target !== manifest.target) refuse(`${head} is for the target ${manifest.target}, not ${target}`);
  const answered = manifest.encoders.map(({ modality }) => modality);
  if (!modalitiesIn(dataset).some((modality) => answered.includes(modality)))
    refuse(`${head} answers from ${answered.join(' and ')}, which no example has`);
  const taken = namesByModality(encodersOfStart({ head, manifest }));
  for (const own of Object.values(encoders.byModality)) {
    const [{ modality }] = own;
    const { id, fingerprint } = joinReferences(own);
    if ((taken[modality] ?? fingerprint) !== fingerprint)
      refuse(`${head} takes features of another ${modality} encoder than ${id}`);
  }
  const { templates, logitScale: scale, logitBias: bias } = manifest.zeroShot;
  const rows = await labelDirections(encoders, labels, templates, signal);
  const prototypes = manifest.encoders.map(({ modality, dimension }) => [
    modality,
    { rows, dimension, scale, bias },
  ]);
  return { head, prototypes: Object.fromEntries(prototypes) };
}

/**
 * What a start says of rows, as the head that it is of: undefined of a row that has none of its modalities.
 * @example const answers = await answersOfStart(engine, start, table, test); // answers[0]?.unimodal.image
 */
export async function answersOfStart(
  engine: Engine,
  { prototypes }: Start,
  table: FeatureTable,
  rows: readonly number[],
  signal?: AbortSignal,
): Promise<(ItemProbabilities | undefined)[]> {
  const own = table.columns.flatMap((column) => {
    const prototype = prototypes[column.modality];
    return prototype ? [{ column, prototype }] : [];
  });
  const columns = own.map(({ column }) => column);
  const has = rows.map((row) => columns.some(({ present }) => present[row] === 1));
  const known = rows.filter((_, index) => has[index]);
  if (known.length === 0) return rows.map(() => undefined);
  const named = own.map(({ column, prototype }) => [column.modality, prototype]);
  const session = await engine.load(emitPrototypes(Object.fromEntries(named)));
  const taken = columns.map(({ modality, dimension }) => ({ modality, dimension }));
  const classifier = classifierOf(session, taken, table.truth.target);
  try {
    const answers = await answerRows(classifier, selectRows({ ...table, columns }, known), signal);
    const remaining = answers.values();
    return has.map((isKnown) => (isKnown ? remaining.next().value : undefined));
  } finally {
    await classifier.release();
  }
}

/** Answers of a head beside those of its start to the same rows. */
export function besideStart(
  answers: readonly ItemProbabilities[],
  started: readonly (ItemProbabilities | undefined)[],
): (ItemProbabilities & { prototypes: ItemProbabilities['unimodal'] })[] {
  return answers.map((answer, row) => ({ ...answer, prototypes: started[row]?.unimodal ?? {} }));
}

/** Examples of each label from which a trained head has as much to say as the names of the labels. */
const evenExamples = 4;

/**
 * How a head's answers are blended with those of its start as long as nothing was measured: the start's in full, the head's
 * more the more examples of each label it was trained on.
 * @param perLabel examples of each label, on average
 */
export function untriedBlend(
  modalities: readonly ModalityName[],
  { prototypes }: Start,
  perLabel: number,
): HeadCalibration {
  const share = perLabel / (perLabel + evenExamples);
  const started = modalities.filter((modality) => prototypes[modality]);
  return {
    fused: [share, ...(modalities.length > 1 ? modalities.map(() => 0) : [])],
    unimodal: modalities.map((modality) => (prototypes[modality] ? share : 1)),
    prototypes: Object.fromEntries(
      started.map((modality) => [modality, { fused: 1 / started.length, unimodal: 1 }]),
    ),
  };
}
