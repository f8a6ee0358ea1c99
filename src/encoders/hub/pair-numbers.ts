import type { IncomingMessage } from 'node:http';
import path from 'node:path';
import { writeDurably } from '../../store/files/durable.ts';
import { exists } from '../../store/files/exists.ts';
import { ModelFolder } from '../model/model-folder.ts';
import { hasBothSides, pairNumberNames, pairNumbersFile, pairWeights } from '../model/pair-side.ts';
import { type ReadPart, scalarsIn } from '../model/safetensors.ts';
import { DownloadError } from './download-error.ts';
import { pathOf } from './download-file.ts';
import { askHub, type Hub } from './hub.ts';
import type { HubFile, Listing } from './listing.ts';
import { idOf, type ModelName } from './model-name.ts';
import { retrying } from './retrying.ts';

/** Bytes that are asked for first: the headers of most models are shorter. */
const firstBytes = 2 ** 17;

/** A model of the hub, what it lists, and what ends the download. */
interface Source {
  model: ModelName;
  listing: Listing;
  signal: AbortSignal;
}

/**
 * Keeps the scale and bias of a pair beside the files of a model of the hub, whose ONNX files lack them: of the hub's
 * `model.safetensors` its header and these numbers alone are asked for. A part of a file has no hash that could be checked. Where
 * the hub gives no parts of files, or lists no such file, nothing is kept.
 * @param folder that the model's files were downloaded to
 * @throws DownloadError; TandemError `invalid-encoder` where the file is damaged
 */
export async function keepPairNumbers(hub: Hub, folder: string, source: Source): Promise<void> {
  const { model, listing } = source;
  const file = listing.files.find(({ name }) => name === pairWeights);
  if (!file || (await exists(path.join(folder, pairNumbersFile)))) return;
  const { config } = await ModelFolder.open(folder);
  if (!hasBothSides(config)) return;
  const { read, isWhole } = partsOf(hub, file, source);
  const numbers = await scalarsIn(`${idOf(model)}: ${pairWeights}`, read, pairNumberNames).catch((error) => {
    if (isWhole()) return undefined;
    throw error;
  });
  if (numbers)
    await writeDurably(path.join(folder, pairNumbersFile), Buffer.from(`${JSON.stringify(numbers)}\n`));
}

/** Reads parts of a file of the hub. @returns also whether the hub gave all of it in place of a part */
function partsOf(
  hub: Hub,
  file: HubFile,
  { model, listing, signal }: Source,
): { read: ReadPart; isWhole(): boolean } {
  const what = `${idOf(model)}: ${file.name}`;
  const { commit } = listing;
  let isWhole = false;
  const ask = (from: number, to: number) =>
    retrying(hub, signal, async () => {
      const { response } = await askHub(hub, pathOf({ model, commit, file }), { what, from, to, signal });
      isWhole = response.statusCode !== 206;
      if (isWhole) {
        response.destroy();
        throw new DownloadError(`${what}: the hub gives no parts of it`);
      }
      return beginningOf(response, to + 1 - from).catch((cause) => {
        throw new DownloadError(`${what}: the connection was cut`, { cause, again: true });
      });
    });
  let beginning: Promise<Buffer> | undefined;
  return {
    isWhole: () => isWhole,
    async read(length, position) {
      const end = position + length;
      beginning ??= ask(0, firstBytes - 1);
      const known = await beginning;
      const bytes = end <= known.length ? known.subarray(position, end) : await ask(position, end - 1);
      if (bytes.length !== length) throw new Error(`it ends after ${position + bytes.length} bytes`);
      return bytes;
    },
  };
}

/** What an answer has, so many bytes at most. */
async function beginningOf(response: IncomingMessage, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= most) break;
  }
  return Buffer.concat(chunks).subarray(0, most);
}
