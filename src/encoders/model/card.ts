import { parse } from 'yaml';
import { z } from 'zod';
import type { ModelFolder } from './model-folder.ts';

const frontMatter = z.looseObject({
  license: z.union([z.string(), z.array(z.string())]).nullish(),
  license_name: z.string().nullish(),
});

/**
 * The licence that the model card names in its front matter; undefined where it names none.
 * @example await licenseOf(model) // 'apache-2.0'
 */
export async function licenseOf(model: ModelFolder): Promise<string | undefined> {
  const card = await model.text('README.md');
  const [, head] = /^\uFEFF?---\r?\n(.*?)\r?\n---/s.exec(card ?? '') ?? [];
  if (head === undefined) return undefined;
  try {
    const { license, license_name: name } = frontMatter.parse(parse(head));
    const licence = [license ?? []].flat().join(', ');
    return licence === 'other' && name ? name : licence || undefined;
  } catch {
    // A card is for people: one that cannot be parsed says nothing.
    return undefined;
  }
}
