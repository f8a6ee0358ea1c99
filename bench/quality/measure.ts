import type { LabelMetrics } from '../../src/evaluation/metrics.ts';
import { type Difference, mean, pairedDifference } from '../../src/evaluation/paired-difference.ts';
import { evaluate } from '../../src/evaluation/single-label.ts';
import { Engine } from '../../src/runtime/engine.ts';
import { type Answers, answersOfTandem, Rivals, tandemName } from './contenders.ts';
import type { QualitySet } from './sets/quality-set.ts';

export type Metric = Exclude<keyof LabelMetrics, 'examples'>;

/** What is compared, and whether more of it is better. */
export const metrics: Record<Metric, { title: string; moreIsBetter: boolean }> = {
  accuracy: { title: 'accuracy', moreIsBetter: true },
  macroF1: { title: 'macro-F1', moreIsBetter: true },
  negativeLogLikelihood: { title: 'neg. log likelihood', moreIsBetter: false },
  calibrationError: { title: 'calibration error', moreIsBetter: false },
};
export const metricNames = Object.keys(metrics) as Metric[];

export interface SetResult {
  set: string;
  about: string;
  examples: { training: number; test: number };
  classes: number;
  /** By contender, one for each seed. */
  results: Record<string, LabelMetrics[]>;
  /** Tandem less the rival that is best on average, by metric; undefined without rivals. */
  againstBest?: Record<Metric, { rival: string; difference: Difference }>;
}

/** Who may be the best rival: not Tandem's own other answers, nor the truth that the data were drawn from. */
const truthName = 'the distribution itself';
const isRival = (name: string) => !name.startsWith(tandemName) && name !== truthName;

export interface MeasureOptions {
  seeds: number;
  /** Whether scikit-learn's classifiers are measured as well. */
  rivals: boolean;
  /** Called after each seed. */
  onSeed(seed: number): void;
}

/** Trains everyone on every seed's split of a set, and measures them on the same test rows. */
export async function measureSet(
  { name, about, load }: QualitySet,
  { seeds, rivals, onSeed }: MeasureOptions,
): Promise<SetResult> {
  const features = await load();
  const { table, classes, truth } = features;
  const engine = Engine.start({ provider: 'cpu', threads: 1 });
  const peer = rivals ? await Rivals.start(features) : undefined;
  const results: Record<string, LabelMetrics[]> = {};
  try {
    for (let seed = 0; seed < seeds; seed++) {
      const split = { ...features.split(seed), seed };
      const labels = split.test.map((row) => table.truth.values[row]);
      const answers: Answers = {
        ...(await answersOfTandem(engine, features, split)),
        ...(await peer?.answers(split, classes)),
        ...(truth && { [truthName]: split.test.map(truth) }),
      };
      for (const [contender, rows] of Object.entries(answers))
        results[contender] = [...(results[contender] ?? []), evaluate(rows, labels)];
      onSeed(seed);
    }
  } finally {
    await peer?.close();
    await engine.close();
  }
  const { train, test } = features.split(0);
  return {
    set: name,
    about,
    examples: { training: train.length, test: test.length },
    classes,
    results,
    ...(rivals && { againstBest: compareWithBest(results, test.length / train.length) }),
  };
}

function compareWithBest(
  results: Record<string, LabelMetrics[]>,
  overlap: number,
): NonNullable<SetResult['againstBest']> {
  const entries = metricNames.map((metric) => {
    const values = (name: string) => results[name].map((result) => result[metric]);
    const sign = metrics[metric].moreIsBetter ? 1 : -1;
    const [rival] = Object.keys(results)
      .filter(isRival)
      .sort((a, b) => sign * (mean(values(b)) - mean(values(a))));
    return [metric, { rival, difference: pairedDifference(values(tandemName), values(rival), overlap) }];
  });
  return Object.fromEntries(entries);
}
