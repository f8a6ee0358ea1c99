import type { Example } from '../datasets/example.ts';
import type { Head, ItemProbabilities } from '../heads/head.ts';
import type { HeadFolder } from '../heads/registry/head-reading.ts';
import { readTrainingRows } from '../heads/training-rows.ts';
import { itemAt } from '../indexing.ts';
import { contentId } from '../modalities/content.ts';
import { type FeatureTable, joinCompanions } from './features/feature-table.ts';
import { answerRows } from './loop/answer-rows.ts';

/** What a head had to do with an example: it learned from it, was measured on it, or never met it. */
export type Acquaintance = { kind: 'trained' | 'new' } | { kind: 'held-out'; answer?: ItemProbabilities };

/** A head's answers to a dataset, each as honest as can be. */
export interface HonestAnswers {
  answers: ItemProbabilities[];
  /** Whether the head learned from the example, so that its answer flatters it; undefined where it keeps no record. */
  trainedOn?: boolean[];
}

/**
 * Tells what a head had to do with each of some examples.
 * @returns undefined where the head keeps no record of its rows
 * @throws TandemError `damaged-artifact`
 */
export async function acquaintances(
  version: HeadFolder,
  { manifest }: Pick<Head, 'manifest'>,
  examples: readonly Example[],
): Promise<Acquaintance[] | undefined> {
  const rows = await readTrainingRows(version, manifest.labels.length);
  if (rows === undefined) return undefined;
  const isRefit = manifest.training.refit !== undefined;
  const byId = new Map<string, Acquaintance>();
  for (const { id, split, answer } of rows) {
    const isTrained = split === 'train' || (isRefit && answer === undefined);
    if (isTrained) byId.set(id, { kind: 'trained' });
    else if (!byId.has(id)) byId.set(id, { kind: 'held-out', answer: isRefit ? answer : undefined });
  }
  const modalities = manifest.encoders.map(({ modality }) => modality);
  return examples.map(({ content }) => byId.get(contentId(content, modalities)) ?? { kind: 'new' });
}

/**
 * Answers every example: one that was held out when the head was trained as the head did that never saw it, others as the
 * head does that is served.
 * @param table of the examples, with what the head takes beside the encoders' features
 * @param known what the head had to do with each of them; see {@link acquaintances}
 */
export async function answerHonestly(
  head: Head,
  table: FeatureTable,
  known: readonly Acquaintance[] | undefined,
  signal?: AbortSignal,
): Promise<HonestAnswers> {
  const answers = await answerRows(head, joinCompanions(table, []).table, signal);
  if (known === undefined) return { answers };
  return {
    answers: answers.map((answer, index) => {
      const one = itemAt(known, index);
      return one.kind === 'held-out' ? (one.answer ?? answer) : answer;
    }),
    trainedOn: known.map(({ kind }) => kind === 'trained'),
  };
}
