import path from 'node:path';
import { sha256OfFile, sha256OfJson } from '../../store/files/checksum.ts';
import type { ModelFolder } from './model-folder.ts';

/** Files of a model that say how it encodes, and those for people. Code and pickles are not among them. */
const descriptions =
  /^((config|tokenizer|tokenizer_config|preprocessor_config|modules|sentence_bert_config|config_sentence_transformers)\.json|\d+_Pooling\/config\.json|README\.md|LICENSE(\.txt|\.md)?|NOTICE)$/;

/**
 * The names of the files that an encoder is made of.
 * @param names of all files of the model
 * @param weights the ONNX file
 * @example sourceFiles(['config.json', 'modeling.py', 'onnx/model.onnx'], 'onnx/model.onnx') // without modeling.py
 */
export function sourceFiles(names: readonly string[], weights: string): string[] {
  return names.filter((name) => descriptions.test(name) || name === weights || isDataOf(weights, name));
}

/** Whether a file holds weights of an ONNX file beside it: `model.onnx_data`, `model.onnx_data_1`, `model.onnx.data`. */
function isDataOf(weights: string, name: string): boolean {
  return name.startsWith(weights) && /^[._]data(_\d+)?$/.test(name.slice(weights.length));
}

/** sha256 of the names and hashes of the files that an encoder is made of: the same files, the same digest. */
export async function digestOf(model: ModelFolder, weights: string): Promise<string> {
  const names = sourceFiles(model.names, weights).sort();
  const hashes = await Promise.all(names.map((name) => sha256OfFile(path.join(model.path, name))));
  return sha256OfJson(names.map((name, index) => [name, hashes[index]]));
}
