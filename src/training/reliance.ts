import { conformalRadius } from '../evaluation/conformal.ts';
import { coverageOf, findAcceptance, highestAccuracy } from '../evaluation/coverage.ts';
import { isRight, relianceOf } from '../heads/decision.ts';
import type { ItemProbabilities } from '../heads/head.ts';
import type { HeadManifest } from '../heads/manifest.ts';
import type { Neighbours } from '../heads/neighbours.ts';
import type { Deciding } from '../heads/thresholds.ts';
import { itemAt } from '../indexing.ts';
import type { ModalityName } from '../modalities/registry.ts';
import type { Target } from '../targets/target.ts';
import { targets } from '../targets/targets.ts';
import type { FeatureTable } from './features/feature-table.ts';
import { calibrateNovelty } from './novelty.ts';

/** Share of the numbers that lie within their intervals. */
const intervalCoverage = 0.9;

/** What the held-out rows say of when the answers can be relied on. */
export type ReliancePart = Pick<HeadManifest, 'coverage' | 'acceptance' | 'novelty' | 'interval'>;

/** What was held out of a training, and what the head answered that never saw it. */
export interface HeldOut {
  head: Deciding & Pick<HeadManifest, 'target'>;
  table: FeatureTable;
  /** Places of the rows. */
  test: readonly number[];
  answers: readonly ItemProbabilities[];
  /** Rows that the served head was trained on, and whether the row of a number was held out. */
  neighbours?: Neighbours;
  isTraining(row: number): boolean;
}

/**
 * Calibrates on held-out rows what is unlike the training, which answers are accepted, and how wide intervals are.
 * @param acceptAccuracy the share of right answers that is wished for among those accepted; without it nothing is accepted
 * or refused
 * @example const { coverage, acceptance } = await calibrateReliance(heldOut, 0.95);
 */
export async function calibrateReliance(heldOut: HeldOut, acceptAccuracy?: number): Promise<ReliancePart> {
  const { head, table, test, answers, neighbours, isTraining } = heldOut;
  const target = targets[head.target];
  const { distance } = target;
  const { novelty, isUnlike } = await calibrateNovelty(table, test, neighbours, isTraining);
  if (distance) return { novelty, interval: intervalOf(heldOut, distance) };
  const rows = answers.flatMap((answer, index) => {
    const reliance = relianceOf(answer, head);
    if (!reliance) return [];
    return [
      {
        ...reliance,
        isUnlike: isUnlike[index] === true,
        isRight: isRight(answer, head, table.truth, itemAt(test, index)) === true,
      },
    ];
  });
  const coverage = coverageOf(rows);
  const acceptance = acceptAccuracy === undefined ? undefined : findAcceptance(coverage, acceptAccuracy);
  return { coverage, acceptance, novelty };
}

/** How far numbers lie from the answers; undefined where too few were held out to say. */
function intervalOf(
  { head, table, test, answers }: HeldOut,
  distance: Target['distance'] & {},
): HeadManifest['interval'] {
  const radius = (read: (answer: ItemProbabilities) => Float64Array | undefined) => {
    const distances = answers.flatMap((answer, index) => {
      const own = read(answer);
      return own ? [distance(own, table.truth, itemAt(test, index))] : [];
    });
    return conformalRadius(distances, intervalCoverage);
  };
  const fused = radius((answer) => answer.fused);
  if (fused === undefined) return undefined;
  const alone = (modality: ModalityName) => radius(({ unimodal }) => unimodal[modality]);
  const unimodal = Object.fromEntries(
    head.encoders.flatMap(({ modality }) => {
      const own = alone(modality);
      return own === undefined ? [] : [[modality, own]];
    }),
  );
  return { coverage: intervalCoverage, rows: test.length, fused, unimodal };
}

/**
 * What to tell a person whose wish no threshold reaches.
 * @returns undefined where one does, or nothing was wished for
 */
export function whyNoneAccepted(
  { coverage, acceptance }: ReliancePart,
  acceptAccuracy: number | undefined,
): string | undefined {
  if (acceptAccuracy === undefined || acceptance || !coverage) return undefined;
  const highest = highestAccuracy(coverage);
  const most = highest === undefined ? 'too few rows were held out' : `the highest is ${highest.toFixed(3)}`;
  return `No threshold reaches an accuracy of ${acceptAccuracy} on the ${coverage.rows} held-out rows (${most}): answers carry no decision. Set another with \`heads accept\`.`;
}
