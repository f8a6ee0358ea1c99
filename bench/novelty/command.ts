import { Command } from 'commander';
import { print, printJson, table } from '../../src/cli/output.ts';
import { type Neighbours, neighbourColumn, setNeighbour } from '../../src/heads/neighbours.ts';
import { type Novelty, noveltyOf } from '../../src/heads/novelty.ts';
import { Random } from '../../src/random.ts';
import { type FeatureTable, type MemoryColumn, rowOf } from '../../src/training/features/feature-table.ts';
import { calibrateNovelty } from '../../src/training/novelty.ts';
import type { LabelledFeatures } from '../quality/sets/quality-set.ts';
import { qualitySets } from '../quality/sets.ts';

const setNames = ['emoji', 'countries', 'foods', 'stamps'];
/** Of the test rows, those that limits are found on; the others are asked about. */
const calibrating = 0.7;

/** What of a set's rows is taken for something new, by the modalities that are looked at. */
interface Caught {
  training: string;
  asked: string;
  rows: number;
  shares: Record<'both' | 'image' | 'text', number>;
}

export const novelty = new Command('novelty')
  .summary('how much of what comes from elsewhere is found to be unlike the training')
  .description(
    'Calibrates on held-out rows of each of four sets what is unlike its training rows, and asks about other held-out rows (false alarms) and all rows of the other sets.',
  )
  .option('--json', 'print one JSON object')
  .action(async ({ json }: { json?: boolean }) => {
    const sets: [string, LabelledFeatures][] = [];
    for (const { name, load } of qualitySets.filter(({ name }) => setNames.includes(name)))
      sets.push([name, await load()]);
    const caught: Caught[] = [];
    for (const [training, features] of sets) {
      const { judge, asked } = await judgeOf(features);
      caught.push(askAbout(judge, features.table, asked, { training, asked: training }));
      for (const [other, { table }] of sets.filter(([name]) => name !== training))
        caught.push(askAbout(judge, table, [...table.strata.keys()], { training, asked: other }));
    }
    if (json) return printJson({ caught });
    print(
      table([
        ['trained on', 'asked about', 'rows', 'image and text', 'image', 'text'],
        ...caught.map(({ training, asked, rows, shares: { both, image, text } }) => [
          ...[training, asked === training ? 'itself, held out' : asked, String(rows)],
          ...[both, image, text].map((share) => share.toFixed(2)),
        ]),
      ]),
    );
  });

async function judgeOf({ table, split }: LabelledFeatures): Promise<{ judge: Novelty; asked: number[] }> {
  const { train, test } = split(0);
  const held = new Random(0, 'held out').shuffle(test);
  const asked = held.splice(Math.floor(calibrating * held.length));
  const order = new Random(0, 'neighbours').shuffle(train);
  const neighbours: Neighbours = {
    rows: order.map((row) => ({ row, id: '0'.repeat(16), truth: { class: '' } })),
    columns: table.columns.map((column) => {
      const kept = neighbourColumn(column, order.length);
      for (const [place, row] of order.entries()) setNeighbour(kept, place, rowOf(column, row));
      return kept;
    }),
  };
  const { novelty } = await calibrateNovelty(table, held, neighbours, () => true);
  if (!novelty) throw new Error('too few rows to calibrate on');
  return { judge: noveltyOf(neighbours.columns, novelty), asked };
}

function askAbout(
  judge: Novelty,
  { columns }: FeatureTable<MemoryColumn>,
  rows: readonly number[],
  names: Pick<Caught, 'training' | 'asked'>,
): Caught {
  const share = (taken: readonly MemoryColumn[]) =>
    rows.filter((row) => {
      const item = Object.fromEntries(taken.map((column) => [column.modality, rowOf(column, row)]));
      return judge.unlikeIn(item).length > 0;
    }).length / rows.length;
  const alone = (name: string) => share(columns.filter(({ modality }) => modality === name));
  return {
    ...{ ...names, rows: rows.length },
    shares: { both: share(columns), image: alone('image'), text: alone('text') },
  };
}
