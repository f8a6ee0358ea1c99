import { TensorProto_DataType as DataType } from '../../graph/onnx/onnx_pb.js';
import type { GraphValue, ModelGraph } from './graph.ts';
import type { ModelConfig, ModelFolder } from './model-folder.ts';
import { poolings } from './pooling.ts';
import type { ModelReader, ModelSettings, SettingValue } from './reader.ts';
import { readSentenceModules, type SentenceModules } from './sentence-modules.ts';
import { readTokenizer } from './text-tokenizer.ts';
import { undecided, unusable } from './unusable.ts';

/** Texts are cut here unless more is asked for: what comes later costs by the square and hardly changes the features. */
const usualTokens = 512;

/** Outputs that are a text's features already, the first that is there. */
const pooledOutputs = ['sentence_embedding', 'text_embeds', 'text_embeddings'];
const stateOutputs = ['last_hidden_state', 'token_embeddings'];

/** Architectures whose pooler was trained for the features; that of BERT and its like was trained for something else. */
const trainedPoolers = ['siglip', 'siglip_text_model', 'siglip2', 'siglip2_text_model'];

/** Architectures that count positions from behind the padding's id on. */
const offsetPositions = ['roberta', 'xlm-roberta', 'camembert', 'mpnet'];

/** Reads text models: BERT and its like, and the text sides of CLIP and SigLIP. */
export const textReader: ModelReader = {
  bases: ['text_model', 'model'],
  input: 'input_ids',
  async read(model, graph, settings) {
    const [modules, tokenizer] = await Promise.all([readSentenceModules(model), readTokenizer(model)]);
    const config = configOf(model.config);
    const isFixed = takeTokens(graph);
    const output = chooseOutput(graph, config, settings);
    const pooling = output.isPooled ? undefined : choosePooling(modules, settings);
    const [first] = modules.others;
    if (first !== undefined && output.value.name !== 'sentence_embedding')
      throw unusable(
        `modules.json has a module ${first}, whose weights the ONNX file lacks`,
        'Export the whole sentence transformer: then the ONNX file has the output sentence_embedding.',
      );
    const floats = graph.asFloats(output.value);
    const pooled = pooling ? poolings[pooling](graph, { states: floats, mask: 'attention_mask' }) : floats;
    const normalize = settings.normalize ?? modules.normalize ?? true;
    const features = normalize ? graph.add('LpNormalization', [pooled], { axis: -1, p: 2 }) : pooled;
    const dimension = output.value.dims.at(-1) ?? dimensionOf(config);
    const trained = modules.maximumTokens ?? tokenizer.maximumTokens;
    const maximumTokens = lengthOf(trained, positionsOf(config, tokenizer.padding), settings.maxTokens);
    const prefix = await choosePrefix(model, modules, settings);
    const padding = tokenizer.padding ?? config.pad_token_id ?? 0;
    const shown: Record<string, SettingValue> = {
      pooling: pooling ?? output.value.name,
      normalize,
      ...(prefix !== '' && { prefix }),
      'most tokens': maximumTokens,
    };
    return {
      graph: graph.finish(features, dimension),
      dimension,
      preprocessing: {
        maximumTokens,
        ...(padding !== 0 && { padding }),
        ...(prefix !== '' && { prefix }),
        ...(modules.lowercase && { lowercase: true }),
        ...(isFixed && { isFixedLength: true }),
      },
      isProjected: output.isPooled,
      files: tokenizer.files,
      settings: shown,
    };
  },
};

/** The numbers of a configuration that matter; those of the text side where it has two. */
interface TextConfig {
  model_type?: string;
  hidden_size?: number;
  max_position_embeddings?: number;
  pad_token_id?: number;
}

function configOf({ model_type, ...config }: ModelConfig): TextConfig {
  const own = { ...config, ...(typeof config.text_config === 'object' ? config.text_config : {}) };
  const numberOf = (...names: string[]) =>
    names.map((name) => Reflect.get(own, name)).find((value): value is number => typeof value === 'number');
  return {
    model_type,
    hidden_size: numberOf('projection_dim', 'hidden_size', 'dim', 'd_model'),
    max_position_embeddings: numberOf('max_position_embeddings', 'n_positions'),
    pad_token_id: numberOf('pad_token_id'),
  };
}

function dimensionOf({ hidden_size: size }: TextConfig): number {
  if (size === undefined)
    throw unusable('neither config.json nor the ONNX file says how many features there are');
  return size;
}

/**
 * Makes the graph take `input_ids` and `attention_mask`, int64 [rows, tokens].
 * @returns whether every text must be padded to the greatest length: a graph without a mask was trained so
 */
function takeTokens(graph: ModelGraph): boolean {
  const known = ['input_ids', 'attention_mask', 'token_type_ids'];
  const others = graph.inputs.filter(({ name }) => !known.includes(name));
  if (others.length > 0)
    throw unusable(
      `the ONNX file takes ${others.map(({ name }) => name).join(', ')}; of a text encoder ${known.join(', ')} are known`,
    );
  const wrong = graph.inputs.find(({ type }) => type !== DataType.INT64);
  if (wrong) throw unusable(`the ONNX file takes ${wrong.name} as another type than int64`);
  // A single text has one segment, whose number is 0.
  if (graph.input('token_type_ids'))
    graph.addInFront('Mul', ['input_ids', graph.integers([0])], {}, 'token_type_ids');
  if (graph.input('attention_mask')) return false;
  graph.take('attention_mask', DataType.INT64, [undefined, undefined]);
  return true;
}

function chooseOutput(
  graph: ModelGraph,
  { model_type: type }: TextConfig,
  { pooling }: ModelSettings,
): { value: GraphValue; isPooled: boolean } {
  const names = [...pooledOutputs, ...(trainedPoolers.includes(type ?? '') ? ['pooler_output'] : [])];
  const pooled = pooling === undefined ? names.map((name) => graph.output(name)).find(Boolean) : undefined;
  if (pooled) return { value: pooled, isPooled: true };
  const states = stateOutputs.map((name) => graph.output(name)).find(Boolean);
  if (states) return { value: states, isPooled: false };
  const given = graph.outputs.map(({ name }) => name).join(', ');
  throw unusable(
    `the ONNX file gives ${given}; of a text encoder one of ${[...names, ...stateOutputs].join(', ')} is expected`,
    'Export the model for feature extraction: optimum-cli export onnx --task feature-extraction.',
  );
}

function choosePooling({ pooling }: SentenceModules, settings: ModelSettings) {
  const chosen = settings.pooling ?? pooling;
  if (chosen === undefined)
    throw undecided(
      'pooling',
      'mean',
      'nothing says how tokens become the features of a text: 1_Pooling/config.json is missing',
    );
  return chosen;
}

/** Most tokens that a model has positions for. */
function positionsOf(
  { model_type: type, max_position_embeddings: positions, pad_token_id: pad }: TextConfig,
  padding = 1,
) {
  if (positions === undefined) return undefined;
  return offsetPositions.includes(type ?? '') ? positions - (pad ?? padding) - 1 : positions;
}

/** @param trained the longest text that the model was trained on */
function lengthOf(trained = usualTokens, positions = Number.POSITIVE_INFINITY, wanted?: number): number {
  if (wanted !== undefined && wanted > positions)
    throw unusable(
      `the model has positions for ${positions} tokens, not for ${wanted}`,
      'Ask for fewer with --max-tokens.',
    );
  return wanted ?? Math.min(trained, positions, usualTokens);
}

/** What is put before every text: for heads it is the same for all. */
async function choosePrefix(
  model: ModelFolder,
  { prompts, defaultPrompt }: SentenceModules,
  settings: ModelSettings,
): Promise<string> {
  if (settings.prefix !== undefined) return settings.prefix;
  if (defaultPrompt !== undefined) return prompts[defaultPrompt] ?? '';
  const ofClasses = Object.entries(prompts).find(([name]) => name.toLowerCase() === 'classification');
  if (ofClasses) return ofClasses[1];
  const ofTexts = prompts.document ?? prompts.passage ?? '';
  const card = (await model.text('README.md')) ?? '';
  const isInCard = /["'`]query: /.test(card) && /["'`]passage: /.test(card);
  if (!isInCard && ofTexts === '') return '';
  throw undecided(
    'prefix',
    `'${prompts.query || 'query: '}'`,
    'the model was trained on texts that begin with a prefix, and none is the default',
  );
}
