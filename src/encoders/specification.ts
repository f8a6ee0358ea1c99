import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { TandemError } from '../errors.ts';
import { pretrainedNames, pretrainedOf } from '../modalities/registry.ts';
import { sha256OfFile, sha256OfJson } from '../store/files/checksum.ts';
import { encoderOrigin, hubOrigin } from './origin.ts';
import { pairSide } from './pair.ts';

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

/** Which encoder a trunk is of, how many blocks it lacks, and of a text encoder for how many tokens at most. */
export const trunkOrigin = z.object({
  /** Trunks of earlier releases lack it. */
  id: z.string().optional(),
  fingerprint: sha256Schema,
  blocks: z.int().positive(),
  tokens: z.int().positive().optional(),
});
export type TrunkOrigin = z.infer<typeof trunkOrigin>;

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
  /** The licence of the weights, as their model card names it. */
  license: z.string().optional(),
  /** Of what lies below the last blocks of another encoder, which heads have. */
  trunkOf: trunkOrigin.optional(),
  /** Of a trunk: the model of the hub that the whole encoder was made of. */
  model: hubOrigin.optional(),
  /** Of one whose features may be compared with those of another modality's encoder. */
  pair: pairSide.optional(),
  /** How an encoder that was added came to be, and what its proof measured: for people, the features don't depend on it. */
  origin: encoderOrigin.optional(),
});

/** `encoder.json` of an encoder's folder. */
export type EncoderManifest = z.infer<typeof manifestSchema>;

/** An encoder as its folder describes it; none of its files but `encoder.json` was looked at. */
export interface EncoderSpecification extends EncoderManifest {
  /** sha256 of the weights' and the other files' hashes and of the preprocessing: equal features, equal fingerprint. */
  fingerprint: string;
  /** Features that are kept are found again by this one; equal features to the last bit, equal cache key. */
  cacheKey: string;
}

/** The file of an encoder's folder that says what it is. */
export const encoderFile = 'encoder.json';

/**
 * Reads `encoder.json` of an encoder's folder, and no other file.
 * @throws TandemError `unknown-encoder` where there is none; `damaged-artifact`
 * @example const { id, fingerprint } = await readSpecification('models/efficientnet-lite0');
 */
export async function readSpecification(folder: string): Promise<EncoderSpecification> {
  const file = path.join(folder, encoderFile);
  const manifest = await readFile(file, 'utf8')
    .then(parseManifest)
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') throw new TandemError('unknown-encoder', `there is no ${file}`);
      throw new TandemError('damaged-artifact', `${file} cannot be used: ${error.message}`, { cause: error });
    });
  const { files, preprocessing } = manifest;
  const { revision, fineRevision } = pretrainedOf(manifest.modality);
  const sorted = Object.fromEntries(Object.entries(files).sort());
  const fingerprint = sha256OfJson([sorted, preprocessing, ...(revision === undefined ? [] : [revision])]);
  const cacheKey = fineRevision === undefined ? fingerprint : sha256OfJson([fingerprint, fineRevision]);
  return { ...manifest, fingerprint, cacheKey };
}

/**
 * Reads `encoder.json` of an encoder's folder and checks every file that it names.
 * @throws TandemError as {@link readSpecification}; `damaged-artifact` naming each file that is missing or whose sha256 differs
 * @example const manifest = await readEncoderManifest('models/efficientnet-lite0');
 */
export async function readEncoderManifest(folder: string): Promise<EncoderSpecification> {
  const manifest = await readSpecification(folder);
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
  return manifest;
}

function parseManifest(text: string): EncoderManifest {
  const manifest = manifestSchema.parse(JSON.parse(text));
  const { preprocessing } = pretrainedOf(manifest.modality);
  return { ...manifest, preprocessing: preprocessing.parse(manifest.preprocessing) };
}
