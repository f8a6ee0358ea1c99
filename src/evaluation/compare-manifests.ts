import { isDeepStrictEqual } from 'node:util';
import type { HeadManifest } from '../heads/manifest.ts';
import { type ModalityName, modalityNames } from '../modalities/registry.ts';
import { metricsFrom } from './answers.ts';
import { evaluations } from './targets.ts';

/** One of the two versions that are compared. */
export interface ComparedVersion {
  name: string;
  version: number;
  createdAt: string;
}

/** What the two say of one thing; a side that says nothing of it is absent. */
export interface ManifestDifference {
  /** Where it stands in head.json: `training.recipe.dropout`. */
  field: string;
  first?: unknown;
  second?: unknown;
}

/** A figure of both on their own test splits; a side that has none is absent. */
export interface FigurePair {
  answersFrom: 'fused' | ModalityName;
  /** As in the head's metrics: `accuracy`, `examples`. */
  name: string;
  first?: number;
  second?: number;
  /** The second's less the first's. */
  difference?: number;
}

/** Two versions, of one head or of two. */
export interface VersionComparison {
  first: ComparedVersion;
  second: ComparedVersion;
  /** What only the second may answer, and what only the first may. */
  labels: { added: string[]; removed: string[] };
  /** All else that was not the same when they were trained. */
  differences: ManifestDifference[];
  /** Whether the figures may be held against each other, and why. */
  testedOn: { examples: 'the same' | 'others' | 'unknown'; why: string };
  figures: FigurePair[];
}

/**
 * What differs between two versions, and their figures side by side.
 * @example compareManifests(await readHeadManifest(first.folder), await readHeadManifest(second.folder)).testedOn.why;
 */
export function compareManifests(first: HeadManifest, second: HeadManifest): VersionComparison {
  return {
    first: describe(first),
    second: describe(second),
    labels: {
      added: second.labels.filter((label) => !first.labels.includes(label)),
      removed: first.labels.filter((label) => !second.labels.includes(label)),
    },
    differences: differencesOf(first, second),
    testedOn: compareTests(first, second),
    figures: pairFigures(first, second),
  };
}

function describe({ name, version, createdAt }: HeadManifest): ComparedVersion {
  return { name, version, createdAt };
}

function differencesOf(first: HeadManifest, second: HeadManifest): ManifestDifference[] {
  const fields = (manifest: HeadManifest) => new Map(fieldsOf(toldBy(manifest)));
  const [ours, theirs] = [fields(first), fields(second)];
  return [...new Set([...ours.keys(), ...theirs.keys()])].flatMap((field) => {
    const [a, b] = [ours.get(field), theirs.get(field)];
    return isDeepStrictEqual(a, b) ? [] : [{ field, first: a, second: b }];
  });
}

/** What of a manifest decided what the head became: no names, dates, results or durations. */
function toldBy({
  target,
  thresholds,
  unimodalThresholds,
  encoders,
  training,
  calibration,
  zeroShot,
}: HeadManifest) {
  const { seconds: _, search, ...decided } = training;
  return {
    target,
    thresholds,
    unimodalThresholds,
    encoders: Object.fromEntries(encoders.map(({ modality, fitted: _, ...encoder }) => [modality, encoder])),
    training: { ...decided, search: search && { folds: search.folds, examples: search.examples } },
    calibration,
    zeroShot,
  };
}

/** Every value in an object, by where it stands; a list is one value. */
function fieldsOf(value: object, prefix = ''): [field: string, value: unknown][] {
  return Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    if (inner === undefined) return [];
    const field = `${prefix}${key}`;
    if (typeof inner === 'object' && inner !== null && !Array.isArray(inner))
      return fieldsOf(inner, `${field}.`);
    return [[field, inner]];
  });
}

function compareTests(first: HeadManifest, second: HeadManifest): VersionComparison['testedOn'] {
  if (first.target !== second.target)
    return { examples: 'others', why: 'they answer different questions: their targets differ' };
  const [ours, theirs] = [first.training, second.training];
  if (ours.testHash !== undefined && theirs.testHash !== undefined) {
    if (ours.testHash === theirs.testHash)
      return { examples: 'the same', why: `measured on the same ${ours.examples.test} test examples` };
    const sameDataset = ours.datasetHash === theirs.datasetHash;
    return {
      examples: 'others',
      why: sameDataset
        ? 'measured on other examples: their test splits of the same dataset differ'
        : 'measured on other examples: their datasets and test splits differ',
    };
  }
  const apart = [
    ours.datasetHash !== theirs.datasetHash && 'their datasets differ',
    ours.seed !== theirs.seed && 'their seeds differ, and may have drawn other test splits',
    ours.examples.test !== theirs.examples.test && 'their test splits differ in size',
  ].find(Boolean);
  if (apart) return { examples: 'others', why: `measured on other examples: ${apart}` };
  return {
    examples: 'unknown',
    why: 'the same dataset, seed and number of test examples, but one does not say how its test split was drawn',
  };
}

function pairFigures(first: HeadManifest, second: HeadManifest): FigurePair[] {
  const targets = [...new Set([first.target, second.target])];
  const names = new Set([
    ...targets.flatMap((target) => evaluations[target].titles.map(({ name }) => name)),
    'examples',
  ]);
  return (['fused', ...modalityNames] as const).flatMap((answersFrom) => {
    const ours = metricsFrom(first.metrics, answersFrom);
    const theirs = metricsFrom(second.metrics, answersFrom);
    return [...names].flatMap((name): FigurePair[] => {
      const [a, b] = [ours?.[name], theirs?.[name]];
      if (a === undefined && b === undefined) return [];
      const difference = a === undefined || b === undefined ? undefined : b - a;
      return [{ answersFrom, name, first: a, second: b, difference }];
    });
  });
}
