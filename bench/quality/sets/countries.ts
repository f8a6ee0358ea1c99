import { type DrawnExample, encodeExamples, splitEncoded } from './encoded.ts';
import { readPackageFile } from './packages.ts';
import type { QualitySet } from './quality-set.ts';

interface Country {
  cca3: string;
  name: { common: string };
  capital: string[];
  region: string;
  languages: Record<string, string>;
}

/** Flags, names, capitals and languages, from world-countries (ODbL). */
export const countries: QualitySet = {
  name: 'countries',
  about: 'the flag, name, capital and languages of a country, by continent',
  async load() {
    const all: Country[] = JSON.parse(await readPackageFile('world-countries/countries.json'));
    const examples = await Promise.all(
      all
        .filter(({ region }) => region !== 'Antarctic')
        .map(async (country): Promise<DrawnExample> => {
          const { name, capital, languages, region, cca3 } = country;
          const svg = await readPackageFile(`world-countries/data/${cca3.toLowerCase()}.svg`);
          const text = [name.common, ...capital, ...Object.values(languages)].join(', ');
          return { svg, text, label: region };
        }),
    );
    return splitEncoded(await encodeExamples(examples));
  },
};
