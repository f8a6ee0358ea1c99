import { z } from 'zod';
import { byModality, type Content, type ModalityName, modalities } from './registry.ts';

const modalityCount = z.object({
  /** Examples that have it. */
  examples: z.int(),
  /** Different files, byte for byte, where it comes as files. */
  files: z.int().optional(),
});

/** How much content there is of each modality that any example has, as lists of datasets tell it. */
export type ContentCounts = Partial<Record<ModalityName, z.infer<typeof modalityCount>>>;

export const contentCountsSchema: z.ZodType<ContentCounts> = z.strictObject(
  byModality(() => modalityCount.optional()),
);

/** @example countContent([{ text: 'a cat' }]) // { text: { examples: 1 } } */
export function countContent(contents: readonly Content[]): ContentCounts {
  const counts = modalities.flatMap(({ name, file, store }) => {
    const references = contents
      .map((content) => content[name])
      .filter((reference) => reference !== undefined);
    if (references.length === 0) return [];
    const files = file && new Set(references.flatMap((reference) => file.sha256Of(store(reference)) ?? []));
    return [[name, { examples: references.length, ...(files && { files: files.size }) }]];
  });
  return Object.fromEntries(counts);
}

/** How earlier releases counted. */
const earlierCounts = z.looseObject({ images: z.int(), texts: z.int(), distinctImages: z.int() });

/** The counts of a dataset of an earlier release as they are now; those of this one as they are. */
export function readEarlierCounts(counts: unknown): unknown {
  const earlier = earlierCounts.safeParse(counts);
  if (!earlier.success) return counts;
  const { images, texts, distinctImages, ...others } = earlier.data;
  const content = {
    ...(images > 0 && { image: { examples: images, files: distinctImages } }),
    ...(texts > 0 && { text: { examples: texts } }),
  };
  return { ...others, content };
}
