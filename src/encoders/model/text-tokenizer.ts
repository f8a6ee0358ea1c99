import { z } from 'zod';
import type { ModelFolder } from './model-folder.ts';
import { unusable } from './unusable.ts';

const tokenContent = z.union([z.string(), z.looseObject({ content: z.string() })]).nullish();
const definitionSchema = z.looseObject({
  truncation: z.looseObject({ max_length: z.int().positive() }).nullish(),
  padding: z.looseObject({ pad_id: z.int().nonnegative() }).nullish(),
  added_tokens: z.array(z.looseObject({ id: z.int(), content: z.string() })).nullish(),
});
const configSchema = z.looseObject({
  tokenizer_class: z.string().nullish(),
  model_max_length: z.number().nullish(),
  pad_token: tokenContent,
});

/** Lengths above this stand for "no limit" in a tokenizer's configuration. */
const mostTokens = 1e6;

/** A model's tokenizer, as its files describe it. */
export interface DescribedTokenizer {
  /** What transformers.js loads, without truncation and padding: the caller decides on those. */
  files: Record<string, string>;
  maximumTokens?: number;
  /** The id that shorter texts are padded with. */
  padding?: number;
}

/**
 * Reads tokenizer.json and tokenizer_config.json.
 * @throws TandemError `invalid-encoder` where the first is missing, or the class is unknown
 */
export async function readTokenizer(model: ModelFolder): Promise<DescribedTokenizer> {
  const definition = await model.json('tokenizer.json', definitionSchema);
  if (!definition)
    throw unusable(
      `${model.path} has no tokenizer.json`,
      `Write it once, with Python: python -c "from transformers import AutoTokenizer as T; T.from_pretrained('${model.path}').save_pretrained('${model.path}')"`,
    );
  const config = (await model.json('tokenizer_config.json', configSchema)) ?? {};
  const { isTokenizerClass } = await import('../../modalities/text/tokenizer.ts');
  const { tokenizer_class: kind } = config;
  if (kind && !isTokenizerClass(kind))
    throw unusable(`tokenizer_config.json names the tokenizer ${kind}, which is unknown`);
  const padToken = typeof config.pad_token === 'string' ? config.pad_token : config.pad_token?.content;
  const padding =
    definition.added_tokens?.find(({ content }) => content === padToken)?.id ?? definition.padding?.pad_id;
  const most = config.model_max_length ?? undefined;
  return {
    files: {
      'tokenizer.json': JSON.stringify({ ...definition, truncation: null, padding: null }),
      'tokenizer_config.json': JSON.stringify(config),
    },
    maximumTokens: most !== undefined && most < mostTokens ? most : definition.truncation?.max_length,
    padding,
  };
}
