import type { AnswerMetrics } from '../evaluation/answers.ts';
import type { Metrics, MetricTitle } from '../evaluation/metrics.ts';
import {
  type Difference,
  mean,
  pairedDifference,
  standardDeviation,
} from '../evaluation/paired-difference.ts';
import type { TargetEvaluation } from '../evaluation/targets.ts';
import { itemAt, required } from '../indexing.ts';
import { type ModalityName, modalityNames } from '../modalities/registry.ts';
import type { TargetKind } from '../targets/target-kind.ts';
import type { Contender } from './contenders.ts';

/** A figure over the seeds. */
export interface Spread {
  mean: number;
  standardDeviation: number;
  bySeed: number[];
}

export interface ContenderResult<Name extends string = Contender> {
  contender: Name;
  /** On everything that an example has. */
  fused: Record<string, Spread>;
  /** The same head on one modality alone, of those that it was trained on. */
  unimodal: Partial<Record<ModalityName, Record<string, Spread>>>;
}

/** Ways to train a head, held against each other. */
export interface Comparison<Name extends string = Contender> {
  dataset: string;
  examples: { training: number; test: number };
  labels: number;
  seeds: readonly number[];
  /**
   * Whether each seed drew a test side of its own, or the dataset marks one: then figures vary by start, order and dropout
   * alone, and intervals say nothing of other test examples.
   */
  split: 'drawn' | 'marked';
  target: TargetKind;
  /** The best first, by the target's main figure. */
  results: ContenderResult<Name>[];
  /** ARL less each of the others, on everything that an example has; absent where there is nothing to balance. */
  differences?: { against: Name; figures: Record<string, Difference> }[];
  /** Of ARL against the best of the others, by the main figure; absent where there is nothing to balance. */
  verdict?: { against: Name; difference: Difference };
}

/** What each contender scored, the best first. */
export function resultsOf<Name extends string>(
  measured: readonly { contender: Name; metrics: AnswerMetrics }[],
  titles: TargetEvaluation['titles'],
): ContenderResult<Name>[] {
  const [main] = titles;
  const sign = main.moreIsBetter ? 1 : -1;
  const meanOf = ({ fused }: ContenderResult<Name>) => required(fused[main.name], main.title).mean;
  return [...Map.groupBy(measured, ({ contender }) => contender)]
    .map(([contender, own]) =>
      summarize(
        contender,
        own.map(({ metrics }) => metrics),
        titles,
      ),
    )
    .sort((a, b) => sign * (meanOf(b) - meanOf(a)));
}

/**
 * ARL against each of the others.
 * @param arl what it is called among them
 */
export function judge<Name extends string>(
  results: readonly ContenderResult<Name>[],
  arl: Name,
  titles: TargetEvaluation['titles'],
  overlap: number,
): Pick<Comparison<Name>, 'differences' | 'verdict'> {
  const own = results.find(({ contender }) => contender === arl);
  const others = results.filter(({ contender }) => contender !== arl);
  if (!own || others.length === 0) return {};
  const differences = others.map((other) => ({
    against: other.contender,
    figures: differencesOf(own, other, titles, overlap),
  }));
  const best = itemAt(differences, 0);
  const { name, title } = titles[0];
  return { differences, verdict: { against: best.against, difference: required(best.figures[name], title) } };
}

/** The figures of one less those of another, seed by seed. */
export function differencesOf(
  one: ContenderResult<string>,
  other: ContenderResult<string>,
  titles: readonly MetricTitle[],
  overlap: number,
): Record<string, Difference> {
  const bySeed = ({ fused }: ContenderResult<string>, name: string) => required(fused[name], name).bySeed;
  return Object.fromEntries(
    titles.map(({ name }) => [name, pairedDifference(bySeed(one, name), bySeed(other, name), overlap)]),
  );
}

function summarize<Name extends string>(
  contender: Name,
  bySeed: readonly AnswerMetrics[],
  titles: readonly MetricTitle[],
): ContenderResult<Name> {
  const spread = (metricsOf: (metrics: AnswerMetrics) => Metrics | undefined) =>
    Object.fromEntries(
      titles.map(({ name }): [string, Spread] => {
        const values = bySeed.map((metrics) => metricsOf(metrics)?.[name] ?? Number.NaN);
        return [name, { mean: mean(values), standardDeviation: standardDeviation(values), bySeed: values }];
      }),
    );
  const known = modalityNames.filter((modality) => bySeed.every(({ unimodal }) => unimodal[modality]));
  return {
    contender,
    fused: spread(({ fused }) => fused),
    unimodal: Object.fromEntries(
      known.map((modality) => [modality, spread(({ unimodal }) => unimodal[modality])]),
    ),
  };
}
