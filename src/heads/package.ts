import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { create, extract } from 'tar';
import { z } from 'zod';
import { TandemError } from '../errors.ts';
import { EngineEnded } from '../runtime/engine.ts';
import { OutOfMemory } from '../runtime/out-of-memory.ts';
import { asProblem } from '../runtime/within-memory.ts';
import { sha256OfFile } from '../store/files/checksum.ts';
import { whyUnreadable } from '../store/files/why-unreadable.ts';
import { companionFiles } from './companions.ts';
import { checkEncoders, type EncoderLookup, readHeadManifest } from './head.ts';
import { type HeadManifest, headFiles } from './manifest.ts';
import { acceptanceSchema } from './registry/acceptance.ts';
import { checkHeadName, headNamePattern } from './registry/head-name.ts';
import type { HeadVersion } from './registry/head-reading.ts';
import type { HeadRegistry } from './registry/heads.ts';
import { verifiedFile } from './registry/verified-file.ts';
import { tryHead } from './trial.ts';

const manifestFile = 'manifest.json';
const contentFiles: readonly string[] = [...Object.values(headFiles), ...companionFiles];
/** The largest that each file of a package may be, in bytes. */
const maximumBytes: ReadonlyMap<string, number> = new Map([
  [manifestFile, 2 ** 16],
  [headFiles.manifest, 2 ** 24],
  [headFiles.weights, 2 ** 28],
  [headFiles.report, 2 ** 28],
  [headFiles.rows, 2 ** 28],
  [headFiles.neighbours, 2 ** 28],
  ...companionFiles.map((file): [string, number] => [file, 2 ** 24]),
]);

const manifestSchema = z.object({
  format: z.literal(1),
  name: z.string(),
  version: z.int().positive(),
  /** sha256 of every file beside the manifest. */
  files: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)),
  /** Which answers are accepted, where it was set after the training: null where none are, nor refused. */
  acceptance: acceptanceSchema.nullable().optional(),
});

type PackageManifest = z.infer<typeof manifestSchema>;

/**
 * A head's version as one file: a tar of its folder, and a manifest with the sha256 of each of its files, and with what was
 * set of its acceptance since.
 * @param makeFolder makes an empty folder, which is removed when the tar is read, fails or is left
 * @throws TandemError `damaged-artifact` naming a file that is not the registered one
 * @example await pipeline(await exportHead(version, () => scratch.makeFolder()), createWriteStream('pets-3.tar'));
 */
export async function exportHead(head: HeadVersion, makeFolder: () => Promise<string>): Promise<Readable> {
  const scratch = await makeFolder();
  const clean = () => rm(scratch, { recursive: true, force: true });
  try {
    const packed = await packFolder(head, scratch);
    // A stream of Node's own closes whatever becomes of it: read to its end, failed or left.
    return Readable.from(packed, { objectMode: false }).once('close', clean);
  } catch (error) {
    await clean();
    throw error;
  }
}

async function packFolder(head: HeadVersion, scratch: string): Promise<AsyncIterable<Buffer>> {
  const { name, version, folder, acceptance } = head;
  const present = (await readdir(folder)).filter((file) => contentFiles.includes(file)).sort();
  const files: Record<string, string> = {};
  for (const file of present) {
    await writeFile(path.join(scratch, file), await verifiedFile(head, file));
    files[file] = await sha256OfFile(path.join(scratch, file));
  }
  const manifest: PackageManifest = { format: 1, name, version, files, acceptance };
  await writeFile(path.join(scratch, manifestFile), `${JSON.stringify(manifest, null, 2)}\n`);
  // Nothing of when or by whom it was packed: the same version is always the same bytes.
  return create({ cwd: scratch, portable: true, mtime: new Date(0) }, [manifestFile, ...present]);
}

export interface ImportOptions {
  /** Another name for it. */
  name?: string;
  /** Those that are here. */
  encoders: EncoderLookup;
  /** Folder for what is only needed meanwhile. */
  workspace: string;
  /** What checks and runs the head in a folder before it is registered; see `tryHead`. */
  trial?: (folder: string) => Promise<void>;
}

/**
 * Registers a head from a package, as the next version of its name.
 * @param file the package
 * @throws TandemError `invalid-head` where the file is no package, was damaged, or holds no head that can be trusted to
 * answer; `head-conflict` where the encoder is not here whose features the head takes; `out-of-memory`; `invalid-request`
 * (the name)
 * @example const { version } = await importHead(registry, 'pets-3.tar', { encoders, workspace });
 */
export async function importHead(
  registry: HeadRegistry,
  file: string,
  { name, encoders, workspace, trial = tryHead }: ImportOptions,
): Promise<HeadVersion> {
  if (name !== undefined) checkHeadName(name);
  const scratch = await mkdtemp(path.join(workspace, '.import-'));
  try {
    await unpack(file, scratch);
    const { files, acceptance } = await checkFiles(scratch);
    const manifest = await readHeadManifest(scratch).catch((error) => {
      throw invalid(error.message, error);
    });
    const registeredName = name ?? manifest.name;
    if (!headNamePattern.test(registeredName))
      throw invalid(`${headFiles.manifest} names the head ${JSON.stringify(registeredName.slice(0, 80))}`);
    await checkEncoders(manifest, encoders);
    await trial(scratch).catch((error) => {
      if (error instanceof EngineEnded) throw error;
      if (error instanceof OutOfMemory) throw asProblem(error, 'the head');
      throw invalid(error.message, error);
    });
    return await registry.register(registeredName, async (folder, version) => {
      const own: HeadManifest = { ...manifest, name: registeredName, version };
      if (acceptance !== undefined) own.acceptance = acceptance ?? undefined;
      await writeFile(path.join(folder, headFiles.manifest), `${JSON.stringify(own, null, 2)}\n`);
      for (const content of Object.keys(files))
        if (content !== headFiles.manifest)
          await copyFile(path.join(scratch, content), path.join(folder, content));
    });
  } finally {
    // Where unpacking broke off, some of its files may still be on their way to the disk.
    await rm(scratch, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  }
}

/** Only plain files with the names that a package has are written; anything else refuses it. */
async function unpack(file: string, into: string): Promise<void> {
  let problem: string | undefined;
  const seen = new Set<string>();
  await extract({
    file,
    cwd: into,
    strict: true,
    preservePaths: false,
    filter(name, entry) {
      const most = maximumBytes.get(name);
      const isFile = 'type' in entry && entry.type === 'File';
      if (most === undefined || !isFile) problem ??= `${name} does not belong into a head`;
      else if (seen.has(name)) problem ??= `${name} is in it twice`;
      else if (entry.size > most) problem ??= `${name} is larger than ${most} bytes`;
      seen.add(name);
      return problem === undefined;
    },
  }).catch((error) => {
    throw invalid(`it cannot be unpacked: ${whyUnreadable(error)}`, error);
  });
  if (problem) throw invalid(problem);
}

async function checkFiles(folder: string): Promise<PackageManifest> {
  const text = await readFile(path.join(folder, manifestFile), 'utf8').catch(() => {
    throw invalid(`it has no ${manifestFile}`);
  });
  const manifest = parseManifest(text);
  const present = (await readdir(folder)).filter((file) => file !== manifestFile);
  for (const file of [headFiles.manifest, headFiles.weights])
    if (!present.includes(file)) throw invalid(`${file} is missing`);
  for (const file of new Set([...present, ...Object.keys(manifest.files)])) {
    const found = present.includes(file) ? await sha256OfFile(path.join(folder, file)) : 'missing';
    if (manifest.files[file] !== found)
      throw invalid(`${file} does not have the sha256 that the manifest says`);
  }
  return manifest;
}

function parseManifest(text: string): PackageManifest {
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (error) {
    throw invalid(`${manifestFile} cannot be read`, error);
  }
}

function invalid(detail: string, cause?: unknown): TandemError {
  return new TandemError('invalid-head', detail, { cause });
}
