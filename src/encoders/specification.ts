import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { TandemError } from '../errors.ts';
import { itemAt } from '../indexing.ts';
import { byPretrained, type PretrainedName, pretrainedNames, pretrainedOf } from '../modalities/registry.ts';
import { sha256OfFile, sha256OfJson } from '../store/files/checksum.ts';

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

const manifestSchema = z.object({
  id: z.string(),
  modality: z.enum(pretrainedNames),
  /** Length of a feature vector. */
  dimension: z.int().positive(),
  /** The ONNX file. */
  weights: z.string(),
  /** sha256 of every file that the features depend on. */
  files: z.record(z.string(), sha256Schema),
  /** What it says of its input, as its modality knows it. */
  preprocessing: z.unknown(),
});

export interface VerifiedManifest extends z.infer<typeof manifestSchema> {
  /** sha256 of the weights' and the other files' hashes and of the preprocessing: equal features, equal fingerprint. */
  fingerprint: string;
  /** Features that are kept are found again by this one; equal features to the last bit, equal cache key. */
  cacheKey: string;
}

/**
 * Reads `encoder.json` of an encoder's folder and checks every file that it names.
 * @throws TandemError `unknown-encoder` naming those that are beside the folder; `damaged-artifact` naming each file that is missing or whose sha256 differs
 * @example const manifest = await readEncoderManifest('models/efficientnet-lite0');
 */
export async function readEncoderManifest(folder: string): Promise<VerifiedManifest> {
  const file = path.join(folder, 'encoder.json');
  const manifest = await readFile(file, 'utf8')
    .then(parseManifest)
    .catch(async (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') throw await unknownEncoder(folder);
      throw new TandemError('damaged-artifact', `${file} cannot be used: ${error.message}`, { cause: error });
    });
  const problems = await Promise.all(
    Object.entries(manifest.files).map(async ([name, expected]) => {
      const actual = await sha256OfFile(path.join(folder, name)).catch((error: Error) => error.message);
      return actual === expected
        ? []
        : [{ at: path.join(folder, name), detail: `its sha256 is ${actual}, not ${expected}` }];
    }),
  );
  const items = problems.flat();
  if (items.length > 0) {
    const names = items.map(({ at }) => at).join(', ');
    throw new TandemError(
      'damaged-artifact',
      `the encoder ${manifest.id} is not the one it should be: ${names}`,
      { items },
    );
  }
  const { files, preprocessing } = manifest;
  const { revision, fineRevision } = pretrainedOf(manifest.modality);
  const sorted = Object.fromEntries(Object.entries(files).sort());
  const fingerprint = sha256OfJson([sorted, preprocessing, ...(revision === undefined ? [] : [revision])]);
  const cacheKey = fineRevision === undefined ? fingerprint : sha256OfJson([fingerprint, fineRevision]);
  return { ...manifest, fingerprint, cacheKey };
}

/**
 * The fingerprints of encoders that need not be loaded.
 * @param encoders the name of each one's folder
 * @throws TandemError as {@link readEncoderManifest}
 */
export async function readFingerprints(
  models: string,
  encoders: Readonly<Record<PretrainedName, string>>,
): Promise<Record<PretrainedName, string>> {
  const manifests = await Promise.all(
    pretrainedNames.map((name) => readEncoderManifest(path.join(models, encoders[name]))),
  );
  return byPretrained((_, index) => itemAt(manifests, index).fingerprint);
}

function parseManifest(text: string): z.infer<typeof manifestSchema> {
  const manifest = manifestSchema.parse(JSON.parse(text));
  const { preprocessing } = pretrainedOf(manifest.modality);
  return { ...manifest, preprocessing: preprocessing.parse(manifest.preprocessing) };
}

async function unknownEncoder(folder: string): Promise<TandemError> {
  const models = path.dirname(folder);
  const found = await Array.fromAsync(glob('*/encoder.json', { cwd: models })).catch(() => []);
  const names = found.map((file) => path.dirname(file)).sort();
  return new TandemError(
    'unknown-encoder',
    `${models} has no encoder ${JSON.stringify(path.basename(folder))}; there are: ${names.join(', ') || 'none'}`,
  );
}
