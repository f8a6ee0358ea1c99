import { z } from 'zod';
import type { ModelFolder } from './model-folder.ts';
import type { Pooling } from './pooling.ts';
import { unusable } from './unusable.ts';

const modulesSchema = z.array(z.looseObject({ path: z.string(), type: z.string() }));
const poolingSchema = z.record(z.string(), z.unknown());
const transformerSchema = z.looseObject({
  max_seq_length: z.int().positive().nullish(),
  do_lower_case: z.boolean().nullish(),
});
const promptsSchema = z.looseObject({
  prompts: z.record(z.string(), z.string()).nullish(),
  default_prompt_name: z.string().nullish(),
});

/** What sentence-transformers' files say of a model. */
export interface SentenceModules {
  /** Undefined where none is said. */
  pooling?: Pooling;
  /** Undefined where it has no modules.json. */
  normalize?: boolean;
  /** Modules that transform the features further, such as `Dense`. */
  others: string[];
  maximumTokens?: number;
  lowercase: boolean;
  /** By what they are for. */
  prompts: Readonly<Record<string, string>>;
  defaultPrompt?: string;
}

/** The modes of 1_Pooling/config.json that are read; newer files name one as `pooling_mode`. */
const modes: Readonly<Record<string, Pooling>> = {
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_cls_token: 'cls',
  pooling_mode_lasttoken: 'last',
  mean: 'mean',
  cls: 'cls',
  lasttoken: 'last',
};

/**
 * Reads modules.json, 1_Pooling, sentence_bert_config.json and the prompts.
 * @throws TandemError `invalid-encoder` where the pooling is unsupported
 */
export async function readSentenceModules(model: ModelFolder): Promise<SentenceModules> {
  const modules = await model.json('modules.json', modulesSchema);
  const kinds = modules?.map(({ type }) => type.split('.').at(-1) ?? type);
  const transformer = await model.json('sentence_bert_config.json', transformerSchema);
  const prompts = await model.json('config_sentence_transformers.json', promptsSchema);
  return {
    pooling: await readPooling(model),
    normalize: kinds?.includes('Normalize'),
    others: kinds?.filter((kind) => !['Transformer', 'Pooling', 'Normalize'].includes(kind)) ?? [],
    maximumTokens: transformer?.max_seq_length ?? undefined,
    lowercase: transformer?.do_lower_case ?? false,
    prompts: prompts?.prompts ?? {},
    defaultPrompt: prompts?.default_prompt_name ?? undefined,
  };
}

async function readPooling(model: ModelFolder): Promise<Pooling | undefined> {
  const name = model.names.find((each) => /^\d+_Pooling\/config\.json$/.test(each));
  const config = name === undefined ? undefined : await model.json(name, poolingSchema);
  if (!config) return undefined;
  const chosen = Object.keys(config).filter((key) => key.startsWith('pooling_mode_') && config[key] === true);
  if (typeof config.pooling_mode === 'string') chosen.push(config.pooling_mode);
  const [mode, ...others] = chosen;
  const pooling = mode === undefined ? undefined : modes[mode];
  if (mode !== undefined && (pooling === undefined || others.length > 0))
    throw unusable(`${name} asks for the pooling ${chosen.join(' and ')}, which is unsupported`);
  return pooling;
}
