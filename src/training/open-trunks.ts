import pMap from 'p-map';
import type { Tails } from '../arl/tail.ts';
import type { Dataset } from '../datasets/example.ts';
import type { Encoder } from '../encoders/encoder.ts';
import type { Encoders } from '../encoders/encoders.ts';
import { readSpecification } from '../encoders/specification.ts';
import { openTail } from '../encoders/tail.ts';
import { cutEncoder, keepTrunk } from '../encoders/trunk.ts';
import { everyWeight, lowRank } from '../encoders/weight-update.ts';
import { TandemError } from '../errors.ts';
import { required } from '../indexing.ts';
import { type ModalityName, pretrainedOf } from '../modalities/registry.ts';
import type { Engine } from '../runtime/engine.ts';
import type { TunedPart } from './choices.ts';

/** Which blocks of an encoder are trained with the head, and how. */
export interface TunedBlocks extends TunedPart {
  /** The encoder's folder. */
  encoder: string;
}

/** What is trained with the head. */
export interface TuningChoice {
  /** Of which the best is taken; each has at most one part of each modality. */
  candidates: readonly (readonly TunedBlocks[])[];
  /** Whether nobody asked for them: those that cannot be tuned are passed over. */
  isAutomatic: boolean;
  /** The folder of added encoders, which the trunks go into. */
  added: string;
}

/** The encoders of a head whose last blocks are tuned. */
export interface OpenTrunks {
  /** Of each column. */
  tails: Tails;
  /** With trunks in the place of those that are tuned. */
  encoders: Encoders;
}

/** Lengths that texts are padded to: few, so that heads share trunks. */
const lengths = [16, 32, 48, 64, 96, 128, 192, 256, 384, 512];

/**
 * Cuts the encoders that are tuned, of texts for the longest one of the dataset, and keeps the parts that stay as they are.
 * @param parts of each modality at most one
 * @param columns the modalities that the head takes, in its order
 * @throws TandemError `invalid-recipe` where no example has such a modality, or an encoder cannot be cut there
 */
export async function openTrunks(
  engine: Engine,
  { parts, added }: { parts: readonly TunedBlocks[]; added: string },
  { encoders, dataset, columns }: { encoders: Encoders; dataset: Dataset; columns: readonly ModalityName[] },
): Promise<OpenTrunks> {
  const tails = columns.map((): Tails[number] => undefined);
  const byModality = { ...encoders.byModality };
  for (const { modality, blocks, rank, encoder: folder } of parts) {
    const m = columns.indexOf(modality);
    if (m < 0)
      throw new TandemError('invalid-recipe', `tune: no example has ${pretrainedOf(modality).noun}`, {
        fix: `Leave --tune ${modality} out.`,
      });
    const tokens = await tokensOf(encoders.byModality[modality][0], dataset);
    const cut = await cutEncoder({ folder, blocks, tokens });
    const tail = await openTail(engine, cut, rank === undefined ? everyWeight : lowRank(rank));
    const trunk = await keepTrunk(cut, tail.rowLength, added);
    const { fingerprint } = await readSpecification(trunk);
    tails[m] = tail;
    byModality[modality] = [required(await encoders.find(fingerprint), 'the trunk')];
  }
  return { tails, encoders: { ...encoders, byModality } };
}

/** The tokens that the longest is padded to; undefined where items have no length. */
async function tokensOf(encoder: Encoder, { examples }: Dataset): Promise<number | undefined> {
  const { modality } = encoder;
  const { inputOf, shapeOf } = pretrainedOf(modality);
  if (!shapeOf) return undefined;
  const items = new Set(examples.flatMap(({ content }) => content[modality] ?? []));
  const counts = await pMap(
    items,
    async (item) => Number(shapeOf(await encoder.prepare(inputOf(item), { mayWait: true }))),
    { concurrency: 64 },
  );
  const longest = counts.reduce((most, count) => Math.max(most, count), 1);
  return lengths.find((length) => length >= longest) ?? longest;
}
