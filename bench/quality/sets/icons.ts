import { type DrawnExample, encodeExamples, splitEncoded } from './encoded.ts';
import { readPackageFile } from './packages.ts';
import type { QualitySet } from './quality-set.ts';

const fewest = 10;
const size = 96;

/** Icons that belong to one category alone, from Material Design Icons (Apache-2.0). */
export const icons: QualitySet = {
  name: 'icons',
  about: 'the drawing and the name of an icon, by category: black on white, unlike any photograph',
  async load() {
    const { icons: bodies }: { icons: Record<string, { body: string }> } = JSON.parse(
      await readPackageFile('@iconify-json/mdi/icons.json'),
    );
    const { categories }: { categories: Record<string, string[]> } = JSON.parse(
      await readPackageFile('@iconify-json/mdi/metadata.json'),
    );
    const memberships = Object.entries(categories).flatMap(([label, names]) =>
      names.map((name) => ({ name, label })),
    );
    const single = [...Map.groupBy(memberships, ({ name }) => name).values()]
      .filter((found) => found.length === 1 && found[0].name in bodies)
      .map(([found]) => found);
    const large = [...Map.groupBy(single, ({ label }) => label).values()].filter(
      (members) => members.length >= fewest,
    );
    const examples = large.flat().map(
      ({ name, label }): DrawnExample => ({
        svg: `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" viewBox="0 0 24 24">${bodies[name].body}</svg>`,
        text: name.replaceAll('-', ' '),
        label,
      }),
    );
    return splitEncoded(await encodeExamples(examples));
  },
};
