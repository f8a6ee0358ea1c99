import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { isFolder } from '../encoder-list.ts';
import { TandemError } from '../errors.ts';
import type { PretrainedName } from '../modalities/registry.ts';
import { exists } from '../store/files/exists.ts';
import { missing } from '../store/files/missing.ts';
import { type EncoderSpecification, encoderFile, readSpecification } from './specification.ts';

/** Folders that hold encoders' folders. */
export interface EncoderPlaces {
  /** Of those that ship with the program, each under its id. */
  bundled: string;
  /** Of those that were added, each under its fingerprint. It need not be there. */
  added: string;
}

/** An encoder that a place has. */
export interface FoundEncoder extends EncoderSpecification {
  folder: string;
  place: keyof EncoderPlaces;
}

/** Characters of a fingerprint that name an encoder, at least. */
const fewestCharacters = 8;

/**
 * The encoders of all places, by id, and what is wrong with those that cannot be read.
 * @example const { encoders } = await listEncoders({ bundled: 'models', added: 'data/encoders' });
 */
export async function listEncoders(
  places: EncoderPlaces,
): Promise<{ encoders: FoundEncoder[]; damaged: { folder: string; problem: string }[] }> {
  const encoders: FoundEncoder[] = [];
  const damaged: { folder: string; problem: string }[] = [];
  for (const place of ['bundled', 'added'] as const)
    for (const folder of await encoderFolders(places[place])) {
      const read = await readSpecification(folder).catch((error: Error) => error);
      if (read instanceof Error) damaged.push({ folder, problem: read.message });
      else encoders.push({ ...read, folder, place });
    }
  return { encoders: encoders.sort((a, b) => (a.id < b.id ? -1 : 1)), damaged };
}

/**
 * The folder of the encoder that a setting names: by its id, by the beginning of its fingerprint, or as a folder that has
 * an `encoder.json`.
 * @param modality that it must be for; any by default
 * @throws TandemError `unknown-encoder` naming those that there are, or the command that adds the folder;
 *   `encoder-conflict` where both sides of a pair have the id
 * @example await findEncoder(places, 'all-MiniLM-L6-v2', 'text'); // 'models/all-MiniLM-L6-v2'
 */
export async function findEncoder(
  places: EncoderPlaces,
  reference: string,
  modality?: PretrainedName,
): Promise<string> {
  if (isFolder(reference)) return ownFolder(reference);
  const bundled = path.join(places.bundled, reference);
  if (isName(reference) && (await exists(path.join(bundled, encoderFile)))) return bundled;
  return findAmong((await listEncoders(places)).encoders, { reference, modality, places }).folder;
}

/** @throws TandemError `unknown-encoder`, `encoder-conflict` */
function findAmong<Found extends EncoderSpecification>(
  encoders: readonly Found[],
  { reference, modality, places }: { reference: string; modality?: PretrainedName; places?: EncoderPlaces },
): Found {
  const suitable = encoders.filter((encoder) => modality === undefined || encoder.modality === modality);
  const [found, other] = suitable.filter(
    ({ id, fingerprint }) =>
      id === reference || (reference.length >= fewestCharacters && fingerprint.startsWith(reference)),
  );
  if (found && other && found.fingerprint !== other.fingerprint)
    throw new TandemError(
      'encoder-conflict',
      `an encoder of ${found.modality} and one of ${other.modality} are called ${reference}`,
      { fix: `Name one by its fingerprint: ${[found, other].map(fingerprintOf).join(' or ')}` },
    );
  if (found) return found;
  const names = [...new Set(suitable.map(({ id }) => id))];
  const where = places ? ` in ${places.bundled} or ${places.added}` : '';
  throw new TandemError(
    'unknown-encoder',
    `there is no ${modality ? `${modality} ` : ''}encoder ${JSON.stringify(reference)}${where}; there are: ${names.join(', ') || 'none'}`,
  );
}

function fingerprintOf({ fingerprint }: EncoderSpecification): string {
  return fingerprint.slice(0, 12);
}

/** Of one or more encoders. */
export type EncoderFolders = readonly [string, ...string[]];

/** The encoders that the settings name, and where others are looked for. */
export interface EncoderChoice {
  /** The folders of each modality's encoders: of several, features are concatenated in this order. */
  encoders: Readonly<Record<PretrainedName, EncoderFolders>>;
  /** Nowhere by default. */
  places?: EncoderPlaces;
}

/** An encoder, and the folder that it lies in. */
export type InstalledEncoder = EncoderSpecification & { folder: string };

/** The encoders that the settings name, and those of the places. None is loaded. */
export interface Installation {
  /** By a fingerprint. @throws TandemError `damaged-artifact` where one that the settings name cannot be read */
  find(fingerprint: string): Promise<InstalledEncoder | undefined>;
  /**
   * By an id, or the beginning of a fingerprint; folders are for settings alone.
   * @throws TandemError `unknown-encoder` naming those that there are
   */
  named(reference: string, modality?: PretrainedName): Promise<InstalledEncoder>;
  /** All of them, those of the settings first; others that cannot be read are left out. */
  list(): Promise<InstalledEncoder[]>;
}

/** @example await installedEncoders({ encoders, places }).find(head.encoders[0].fingerprint); */
export function installedEncoders({ encoders, places }: EncoderChoice): Installation {
  const defaults = () =>
    Promise.all(
      Object.values(encoders)
        .flat()
        .map(async (folder) => ({ ...(await readSpecification(folder)), folder })),
    );
  const list = async () => {
    const [first, others] = await Promise.all([defaults(), places ? listEncoders(places) : undefined]);
    const known = new Set(first.map(({ fingerprint }) => fingerprint));
    const further = (others?.encoders ?? []).filter(({ fingerprint }) => !known.has(fingerprint));
    return [...first, ...further];
  };
  return {
    list,
    find: async (fingerprint) => (await list()).find((one) => one.fingerprint === fingerprint),
    named: async (reference, modality) => findAmong(await list(), { reference, modality }),
  };
}

/** A folder's name, and no path to elsewhere. */
function isName(reference: string): boolean {
  return path.basename(reference) === reference && reference !== '..';
}

async function ownFolder(folder: string): Promise<string> {
  if (await exists(path.join(folder, encoderFile))) return folder;
  throw new TandemError('unknown-encoder', `${folder} has no ${encoderFile}`, {
    fix: `Add the model first, then name the encoder by its id: encoders add ${folder}`,
  });
}

/** Those that begin with a dot are not whole yet. */
async function encoderFolders(place: string): Promise<string[]> {
  const entries = (await readdir(place, { withFileTypes: true }).catch(missing)) ?? [];
  const folders = entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => path.join(place, name));
  const isEncoder = await Promise.all(folders.map((folder) => exists(path.join(folder, encoderFile))));
  return folders.filter((_, index) => isEncoder[index]);
}
