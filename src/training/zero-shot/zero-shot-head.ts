import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { emitPrototypes } from '../../arl/prototypes.ts';
import type { Encoders } from '../../encoders/encoders.ts';
import { describeEncoders } from '../../heads/head-encoders.ts';
import { type HeadManifest, headFiles } from '../../heads/manifest.ts';
import type { HeadRegistry } from '../../heads/registry/heads.ts';
import type { PretrainedName } from '../../modalities/registry.ts';
import { sha256OfFile, sha256OfJson } from '../../store/files/checksum.ts';
import { labelDirections } from './label-directions.ts';
import { type LabelSpace, labelSpace } from './label-space.ts';
import { checkZeroShot, type ZeroShotRequest } from './request.ts';

export interface ZeroShotOptions extends ZeroShotRequest {
  /** Writes the head's report to a file. */
  writeReport(file: string, manifest: HeadManifest): Promise<void>;
  signal?: AbortSignal;
}

/** A head that was made of label names. */
export interface ZeroShotSummary {
  head: string;
  version: number;
  target: HeadManifest['target'];
  labels: string[];
  /** What it answers from. */
  modalities: PretrainedName[];
  encoders: HeadManifest['encoders'];
  zeroShot: NonNullable<HeadManifest['zeroShot']>;
}

/** What stands in place of a dataset's name where there is none. */
const noDataset = 'names of labels';

/**
 * Makes a head of the names of its labels and registers it as the next version of its name. It serves before any training.
 * @throws TandemError `invalid-request` naming what is wrong with the request, or the option to say; `job-cancelled`
 * @example
 * const { version } = await zeroShotHead(encoders, registry, { head: 'animals', labels: ['cat', 'dog'], writeReport });
 */
export async function zeroShotHead(
  encoders: Encoders,
  registry: HeadRegistry,
  { writeReport, signal, ...given }: ZeroShotOptions,
): Promise<ZeroShotSummary> {
  const request = { ...given, labels: given.labels.map((label) => label.normalize('NFC').trim()) };
  checkZeroShot(request);
  const { head: name, labels, target = 'single' } = request;
  const space = labelSpace(encoders, request);
  const rows = await labelDirections(encoders, labels, space.templates, signal);
  const [{ dimension }] = encoders.byModality.text;
  const prototypes = { rows, dimension, scale: space.scale, bias: space.bias };
  const weights = emitPrototypes(
    Object.fromEntries(space.modalities.map((modality) => [modality, prototypes])),
  );
  const described = describe(encoders, { ...request, target }, space);
  const { version } = await registry.register(
    name,
    async (folder, version) => {
      const file = path.join(folder, headFiles.weights);
      await writeFile(file, weights);
      const manifest: HeadManifest = { ...described, version, weights: await sha256OfFile(file) };
      await writeFile(path.join(folder, headFiles.manifest), `${JSON.stringify(manifest, null, 2)}\n`);
      await writeReport(path.join(folder, headFiles.report), manifest);
    },
    { origin: 'trained' },
  );
  const { encoders: own, zeroShot } = described;
  return {
    ...{ head: name, version, target, labels, encoders: own, zeroShot },
    modalities: space.modalities,
  };
}

type Described = Omit<HeadManifest, 'version' | 'weights'> & Required<Pick<HeadManifest, 'zeroShot'>>;

function describe(
  { byModality, provider }: Encoders,
  { head, labels, target }: ZeroShotRequest & Pick<HeadManifest, 'target'>,
  { modalities, templates, scale, bias }: LabelSpace,
): Described {
  const [{ id, fingerprint }] = byModality.text;
  const zeroShot = {
    ...{ templates: [...templates], textEncoder: { id, fingerprint } },
    ...{ logitScale: scale, logitBias: bias },
  };
  return {
    ...{ format: 1 as const, name: head, createdAt: new Date().toISOString(), target, labels: [...labels] },
    encoders: modalities.map((modality) => describeEncoders(byModality[modality])),
    // Nothing was measured.
    metrics: { fused: {}, unimodal: {} },
    training: {
      dataset: noDataset,
      datasetHash: sha256OfJson([labels, zeroShot]),
      ...{ examples: { training: 0, test: 0 }, seed: 0, provider: provider.provider, recipe: {} },
    },
    zeroShot,
  };
}
