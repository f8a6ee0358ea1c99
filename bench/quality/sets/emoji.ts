import { createRequire } from 'node:module';
import { chooseEmoji } from '../../../scripts/sample-set/emoji.ts';
import { Random } from '../../../src/random.ts';
import { loadTable, memoryColumn, rowOf, selectRows } from '../../../src/training/features/feature-table.ts';
import { type DrawnExample, type EncodedDataset, encodeExamples } from './encoded.ts';
import { readPackageFile } from './packages.ts';
import { fourFifths, type LabelledFeatures, type QualitySet, splitByLabel } from './quality-set.ts';

const size = 160;
const fewest = 5;

/** The sample set, as it is and changed so that less data, more labels or one modality matters. */
export const emojiSets: QualitySet[] = [
  {
    name: 'emoji',
    about: 'images and names of emoji, by category',
    load: async () => labelled(await emoji(), fourFifths),
  },
  {
    name: 'emoji-few',
    about: 'the same, five examples of each label to learn from',
    load: async () => labelled(await emoji(), () => fewest),
  },
  {
    name: 'emoji-subgroups',
    about: 'the same, by subgroup: some with five examples',
    load: async () => labelled(await bySubgroup(), fourFifths),
  },
  {
    name: 'emoji-wrong-texts',
    about: 'the same, half of the texts exchanged: the image is the better witness',
    load: async () => labelled(exchangeTexts(await emoji()), fourFifths),
  },
  {
    name: 'emoji-blurred',
    about: 'the same, images blurred: the text is the better witness',
    load: async () => labelled(await encodeExamples((await drawings()).map(blurred)), fourFifths),
  },
  {
    name: 'emoji-missing',
    about: 'the same, a third without image, another third without text',
    load: async () => labelled(withoutSome(await emoji()), fourFifths),
  },
];

type Encoded = Pick<EncodedDataset, 'table' | 'texts'>;

function labelled({ table, texts }: Encoded, take: (count: number) => number): LabelledFeatures {
  return {
    table,
    texts,
    classes: new Set(table.strata).size,
    split: (seed) => splitByLabel(table.strata, seed, take),
  };
}

type Drawing = DrawnExample & { icon: string };

async function drawings(): Promise<Drawing[]> {
  const examples = await chooseEmoji(size);
  return examples.map((example) => ({ ...example, icon: example.fileName.replace(/\.png$/, '') }));
}

let encoded: Promise<EncodedDataset> | undefined;
function emoji(): Promise<EncodedDataset> {
  encoded ??= drawings().then(encodeExamples);
  return encoded;
}

function blurred(drawing: Drawing): Drawing {
  const blur = `<filter id="blur" x="0" y="0" width="1" height="1"><feGaussianBlur stdDeviation="3"/></filter>`;
  return {
    ...drawing,
    svg: drawing.svg
      .replace(/^(<svg[^>]*>)/, `$1${blur}<g filter="url(#blur)">`)
      .replace(/<\/svg>$/, '</g></svg>'),
  };
}

/** Unicode's subgroups, from emojibase (MIT). Those with fewer than five emoji are left out. */
async function bySubgroup(): Promise<Encoded> {
  const { table, texts } = await emoji();
  const data: { hexcode: string; subgroup?: number }[] = JSON.parse(
    await readPackageFile('emojibase-data/en/data.json'),
  );
  const withoutSelector = (code: string) => code.toLowerCase().replaceAll('-fe0f', '');
  const subgroups = new Map(data.map(({ hexcode, subgroup }) => [withoutSelector(hexcode), subgroup]));
  const characters: Record<string, string> = createRequire(import.meta.url)(
    '@iconify-json/fluent-emoji-flat/chars.json',
  );
  const byIcon = new Map(
    Object.entries(characters).map(([code, icon]) => [icon, subgroups.get(withoutSelector(code))]),
  );
  const bySubgroup = Map.groupBy((await drawings()).entries(), ([, { icon }]) => byIcon.get(icon));
  bySubgroup.delete(undefined);
  const kept = [...bySubgroup.values()].filter((members) => members.length >= fewest);
  const rows = kept.flatMap((members) => members.map(([row]) => row));
  const labels = Int32Array.from(kept.flatMap((members, label) => members.map(() => label)));
  const { columns } = await loadTable(selectRows(table, rows));
  return {
    table: { columns, strata: labels, truth: { target: 'single', columns: 1, values: labels } },
    texts: rows.map((row) => texts[row]),
  };
}

function exchangeTexts({ table, texts }: Encoded): Encoded {
  const random = new Random(0, 'wrong texts');
  const rows = [...table.strata.keys()];
  const chosen = rows.filter(() => random.nextFloat() < 0.5);
  const others = random.shuffle(chosen);
  const source = new Map(chosen.map((row, index) => [row, others[index]]));
  const columns = table.columns.map((column) => {
    if (column.modality !== 'text') return column;
    const values = new Float32Array(column.values.length);
    for (const row of rows) values.set(rowOf(column, source.get(row) ?? row), row * column.dimension);
    return memoryColumn({ ...column, values });
  });
  return { table: { ...table, columns }, texts: rows.map((row) => texts[source.get(row) ?? row]) };
}

function withoutSome({ table, texts }: Encoded): Encoded {
  const random = new Random(0, 'missing');
  const lacks = Array.from(table.strata, () => random.nextInteger(3));
  const columns = table.columns.map((column, m) => {
    const values = column.values.slice();
    const present = column.present.map((_, row) => Number(lacks[row] !== m));
    for (const [row, has] of present.entries()) if (has === 0) rowOf({ ...column, values }, row).fill(0);
    return memoryColumn({ ...column, values, present });
  });
  const text = columns.find(({ modality }) => modality === 'text');
  return {
    table: { ...table, columns },
    texts: texts.map((content, row) => (text?.present[row] === 1 ? content : '')),
  };
}
