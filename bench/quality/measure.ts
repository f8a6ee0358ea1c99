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
  /** Tandem less the rival that is best on average, by metric. */
  againstBest: Record<Metric, { rival: string; difference: Difference }>;
}

/** Who may be the best rival: not Tandem's own other answers, nor the truth that the data were drawn from. */
const truthName = 'the distribution itself';
const isRival = (name: string) => !name.startsWith(tandemName) && name !== truthName;

/**
 * Trains everyone on every seed's split of a set, and measures them on the same test rows.
 * @param onSeed called after each seed
 */
export async function measureSet(
  { name, about, load }: QualitySet,
  seeds: number,
  onSeed: (seed: number) => void,
): Promise<SetResult> {
  const features = await load();
  const { table, classes, truth } = features;
  const engine = Engine.start({ provider: 'cpu', threads: 1 });
  const peer = await Rivals.start(features);
  const results: Record<string, LabelMetrics[]> = {};
  try {
    for (let seed = 0; seed < seeds; seed++) {
      const split = { ...features.split(seed), seed };
      const labels = split.test.map((row) => table.truth.values[row]);
      const answers: Answers = {
        ...(await answersOfTandem(engine, features, split)),
        ...(await peer.answers(split, classes)),
        ...(truth && { [truthName]: split.test.map(truth) }),
      };
      for (const [contender, rows] of Object.entries(answers))
        results[contender] = [...(results[contender] ?? []), evaluate(rows, labels)];
      onSeed(seed);
    }
  } finally {
    await peer.close();
    await engine.close();
  }
  const { train, test } = features.split(0);
  return {
    set: name,
    about,
    examples: { training: train.length, test: test.length },
    classes,
    results,
    againstBest: compareWithBest(results, test.length / train.length),
  };
}

function compareWithBest(results: Record<string, LabelMetrics[]>, overlap: number): SetResult['againstBest'] {
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
