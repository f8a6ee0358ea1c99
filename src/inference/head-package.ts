import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { create, extract } from 'tar';
import { z } from 'zod';
import { TandemError } from '../errors.ts';
import { EngineEnded } from '../runtime/engine.ts';
import type { ModelLoader } from '../runtime/engine-pool.ts';
import { sha256OfFile } from '../store/files/checksum.ts';
import { whyUnreadable } from '../store/files/why-unreadable.ts';
import type { HeadVersion } from '../store/heads/head-reading.ts';
import type { HeadRegistry } from '../store/heads/heads.ts';
import { type Head, loadHead } from './head.ts';
import { headFiles } from './head-manifest.ts';
import type { Modality } from './prediction.ts';

const manifestFile = 'manifest.json';
const contentFiles = Object.values(headFiles);
/** Largest file of a package. */
const maximumBytes = 2 ** 30;

const manifestSchema = z.object({
  format: z.literal(1),
  name: z.string(),
  version: z.int().positive(),
  /** sha256 of every file beside the manifest. */
  files: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)),
});

/**
 * A head's version as one file: a tar of its folder, and a manifest with the sha256 of each of its files.
 * @param workspace folder for what is only needed meanwhile
 * @returns the tar, which removes its traces when it ends
 * @example await pipeline(await exportHead(version, 'data/uploads'), createWriteStream('pets-3.tar'));
 */
export async function exportHead(head: HeadVersion, workspace: string): Promise<Readable> {
  const scratch = await mkdtemp(path.join(workspace, '.export-'));
  const clean = () => rm(scratch, { recursive: true, force: true });
  try {
    const stream = await packFolder(head, scratch);
    return stream.once('end', clean).once('error', clean);
  } catch (error) {
    await clean();
    throw error;
  }
}

async function packFolder({ name, version, folder }: HeadVersion, scratch: string): Promise<Readable> {
  const present = (await readdir(folder)).filter((file) => (contentFiles as string[]).includes(file)).sort();
  const files: Record<string, string> = {};
  for (const file of present) {
    await copyFile(path.join(folder, file), path.join(scratch, file));
    files[file] = await sha256OfFile(path.join(scratch, file));
  }
  const manifest = { format: 1, name, version, files };
  await writeFile(path.join(scratch, manifestFile), `${JSON.stringify(manifest, null, 2)}\n`);
  // Nothing of when or by whom it was packed: the same version is always the same bytes.
  const packed = create({ cwd: scratch, portable: true, mtime: new Date(0) }, [manifestFile, ...present]);
  return packed as unknown as Readable;
}

/**
 * Registers a head from a package, as the next version of its name.
 * @param file the package
 * @param options.name another name for it
 * @param options.fingerprints of the encoders here
 * @param options.loader what the head is tried on before it is registered
 * @throws TandemError `invalid-head` where the file is no package or was damaged; `head-conflict` where the head was
 * trained on features of another encoder; `invalid-request` (the name)
 * @example const { version } = await importHead(registry, 'pets-3.tar', { fingerprints, loader, workspace });
 */
export async function importHead(
  registry: HeadRegistry,
  file: string,
  {
    name,
    fingerprints,
    loader,
    workspace,
  }: {
    name?: string;
    fingerprints: Readonly<Record<Modality, string>>;
    loader: ModelLoader;
    workspace: string;
  },
): Promise<HeadVersion> {
  const scratch = await mkdtemp(path.join(workspace, '.import-'));
  try {
    await unpack(file, scratch);
    const manifest = await checkFiles(scratch);
    const head = await tried(loader, scratch, fingerprints).catch((error) => {
      const isNoFaultOfIts =
        error instanceof EngineEnded ||
        (error instanceof TandemError && ['head-conflict', 'out-of-memory'].includes(error.code));
      throw isNoFaultOfIts ? error : invalid(error.message, error);
    });
    return await registry.register(name ?? manifest.name, async (folder, version) => {
      const own = { ...head.manifest, name: name ?? manifest.name, version };
      await writeFile(path.join(folder, headFiles.manifest), `${JSON.stringify(own, null, 2)}\n`);
      for (const content of Object.keys(manifest.files))
        if (content !== headFiles.manifest)
          await copyFile(path.join(scratch, content), path.join(folder, content));
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The head in a folder, once it has answered something with as many numbers as it has labels. */
async function tried(...[loader, folder, fingerprints]: Parameters<typeof loadHead>): Promise<Head> {
  const head = await loadHead(loader, folder, fingerprints);
  const { encoders, labels } = head.manifest;
  try {
    const features = encoders.map(({ modality, dimension }) => [modality, new Float32Array(dimension)]);
    const [{ fused, unimodal }] = await head.classify([Object.fromEntries(features)]);
    for (const answer of [fused, ...Object.values(unimodal)])
      if (answer.length !== labels.length || !answer.every(Number.isFinite))
        throw new Error(`its model does not answer with a number for each of its ${labels.length} labels`);
    return head;
  } finally {
    await head.release();
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
      const isKnown = name === manifestFile || (contentFiles as string[]).includes(name);
      const isFile = 'type' in entry && entry.type === 'File';
      if (!isKnown || !isFile) problem ??= `${name} does not belong into a head`;
      else if (seen.has(name)) problem ??= `${name} is in it twice`;
      else if (entry.size > maximumBytes) problem ??= `${name} is larger than ${maximumBytes} bytes`;
      seen.add(name);
      return problem === undefined;
    },
  }).catch((error) => {
    throw invalid(`it cannot be unpacked: ${whyUnreadable(error)}`, error);
  });
  if (problem) throw invalid(problem);
}

async function checkFiles(folder: string): Promise<z.infer<typeof manifestSchema>> {
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

function parseManifest(text: string): z.infer<typeof manifestSchema> {
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (error) {
    throw invalid(`${manifestFile} cannot be read`, error);
  }
}

function invalid(detail: string, cause?: unknown): TandemError {
  return new TandemError('invalid-head', detail, { cause });
}
