import { z } from 'zod';

const document = z.object({ info: z.object({ features: z.record(z.string(), z.unknown()) }) });
const classLabel = z.object({ _type: z.literal('ClassLabel'), names: z.array(z.string()) });
const list = z.object({ feature: z.unknown() });

/**
 * The names of class labels, by column, as Hugging Face's `datasets` writes them into a Parquet file: the column then holds
 * their numbers, and -1 where a row has none.
 * @param written the value of the file's key `huggingface`
 * @returns nothing where it says nothing of the kind
 * @example classNamesIn('{"info":{"features":{"label":{"names":["cat","dog"],"_type":"ClassLabel"}}}}').get('label') // ['cat', 'dog']
 */
export function classNamesIn(written: string | undefined): Map<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const [column, feature] of Object.entries(featuresIn(written))) {
    const names = namesOf(feature);
    if (names) found.set(column, names);
  }
  return found;
}

function featuresIn(written = ''): Record<string, unknown> {
  try {
    return document.parse(JSON.parse(written)).info.features;
  } catch {
    return {};
  }
}

/** Of a class label, or of a list of them. */
function namesOf(feature: unknown): readonly string[] | undefined {
  const item = Array.isArray(feature) ? feature[0] : list.safeParse(feature).data?.feature;
  return (classLabel.safeParse(feature).data ?? classLabel.safeParse(item).data)?.names;
}
