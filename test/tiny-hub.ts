import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ModelHub } from './model-hub.ts';
import { writeTinyTextModel } from './tiny-text-model.ts';

/** The commit of the tiny model. */
export const commit = '0123456789abcdef0123456789abcdef01234567';

/** A hub that has a tiny text model, `some-lab/tiny`. @param folder for its files, which are below it in `tiny` */
export async function hubWithTiny(folder: string): Promise<ModelHub> {
  const source = path.join(folder, 'tiny');
  const pooling = '1_Pooling/config.json';
  await writeTinyTextModel(source, { files: { [pooling]: '{"pooling_mode_cls_token": true}' } });
  const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', pooling, 'onnx/model.onnx'];
  const files: Record<string, Uint8Array> = {};
  for (const name of names) files[name] = await readFile(path.join(source, name));
  return ModelHub.start({ 'some-lab/tiny': { commit, files } });
}
