import type { Readable } from 'node:stream';
import { LRUCache } from 'lru-cache';
import type { Installation } from '../encoders/places.ts';
import { TandemError } from '../errors.ts';
import { compareManifests, type VersionComparison } from '../evaluation/compare-manifests.ts';
import { acceptanceFor } from '../evaluation/coverage.ts';
import { acceptanceOf, decisionRuleOf } from '../heads/accept.ts';
import { summarizeEncoder } from '../heads/fitted.ts';
import { type EncoderLookup, parseHeadManifest } from '../heads/head.ts';
import type { HeadManifest } from '../heads/manifest.ts';
import type { OneModelSummary } from '../heads/one-model/export.ts';
import type { RegisteredHead } from '../heads/registry/head-reading.ts';
import type {
  DamagedHead,
  HeadAcceptance,
  HeadSummary,
  HeadVersions,
} from '../protocols/pipeline/services.ts';
import type { Page } from '../store/database/page.ts';
import { targets } from '../targets/targets.ts';
import type { RowComparison } from '../training/compare-on-rows.ts';
import type { ZeroShotSummary } from '../training/zero-shot/zero-shot-head.ts';
import { acceptOptions, checkOptions, compareHeadsOptions } from './check-options.ts';
import type { Context } from './context.ts';
import { readEach } from './damaged-heads.ts';
import type { DatasetOptions, ProgressOptions } from './open-dataset.ts';
import type { ZeroShotHeadOptions } from './zero-shot.ts';

/** The registered heads. A head is named `pets` (its latest version), `pets@3` or `pets@production`. */
export interface Heads {
  /** Every version of every head with the aliases that stand for it; those that cannot be read are reported apart. */
  list(): Promise<{ heads: (HeadManifest & { aliases: string[] })[]; damaged: DamagedHead[] }>;
  /**
   * The latest version of every head, or of some, by name, and how many heads there are; those that cannot be read count as
   * well and are reported apart.
   * @example const { heads, total } = await tandem.heads.latest({ offset: 0, limit: 50 });
   */
  latest(page?: Page): Promise<{ heads: HeadSummary[]; damaged: DamagedHead[]; total: number }>;
  /** @throws TandemError `unknown-head`, `damaged-artifact` */
  get(head: string): Promise<HeadSummary>;
  /**
   * All that is known of a version: its manifest, and the aliases that stand for it.
   * @throws TandemError `unknown-head`, `damaged-artifact`
   * @example const { training, encoders } = await tandem.heads.info('pets@production');
   */
  info(head: string): Promise<HeadManifest & { aliases: string[] }>;
  /** @throws TandemError `unknown-head` */
  versions(name: string): Promise<HeadVersions>;
  /**
   * Lets an alias stand for a version, from the next request on.
   * @throws TandemError `unknown-head`, `invalid-request` (the alias's name)
   * @example await tandem.heads.setAlias('pets', 'production', 3);
   */
  setAlias(name: string, alias: string, version: number): Promise<HeadVersions>;
  /** Puts an alias back on the version that it stood for before. @throws TandemError `unknown-head` */
  rollback(name: string, alias: string): Promise<HeadVersions>;
  /** The version that it stood for stays. @throws TandemError `unknown-head` */
  deleteAlias(name: string, alias: string): Promise<HeadVersions>;
  /** @throws TandemError `unknown-head`; `head-in-use` where an alias stands for it, or it ships with the program */
  delete(name: string, version: number): Promise<HeadVersions>;
  /**
   * Says which answers of a version are accepted, from the next request on: the threshold is found on the rows that were
   * held out of its training.
   * @param accuracy the share of right answers that is wished for among those accepted, 0 to 1; null: decide nothing
   * @throws TandemError `unknown-head`; `invalid-request` where no threshold reaches it, or the version keeps nothing to find
   * one by
   * @example const { acceptance } = await tandem.heads.accept('pets@3', 0.95); // { threshold: 0.81, … }
   */
  accept(head: string, accuracy: number | null): Promise<HeadAcceptance>;
  /**
   * Makes a head of the names of its labels, which serves before any training. A pair of encoders (CLIP, SigLIP) answers from
   * images, texts and both; else the text encoder answers from texts.
   * @throws TandemError `unknown-encoder`; `invalid-request` naming what is wrong, or what the encoders' files leave open
   * @example await tandem.heads.zeroShot('animals', { labels: ['cat', 'dog'], templates: ['a photo of a {}'] });
   */
  zeroShot(name: string, options: ZeroShotHeadOptions): Promise<ZeroShotSummary>;
  /**
   * A version as one tar file.
   * @throws TandemError `unknown-head`, `damaged-artifact`
   * @example await pipeline((await tandem.heads.export('pets@3')).content, createWriteStream('pets-3.tar'));
   */
  export(head: string): Promise<{ name: string; version: number; content: Readable }>;
  /**
   * Writes a version and its encoders as one ONNX model, from pixels and token ids to answers, with what makes its inputs in
   * Python and an example of what it takes and gives.
   * @param folder is made; files in it are overwritten
   * @param options `plain`: of ONNX's own operators alone, for other runtimes than ONNX Runtime
   * @throws TandemError `unknown-head`, `head-conflict`; `invalid-head` that says what cannot be one model
   * @example const { largestDifference } = await tandem.heads.exportOnnx('pets@3', 'pets-onnx');
   */
  exportOnnx(head: string, folder: string, options?: { plain?: boolean }): Promise<OneModelSummary>;
  /**
   * Registers what `export` wrote, as the next version of its name.
   * @param options `name`: another name for it
   * @throws TandemError `invalid-head`, `head-conflict`, `invalid-request` (the name)
   */
  import(file: string, options?: { name?: string }): Promise<{ name: string; version: number }>;
  /**
   * What differs between two versions, with the figures of both; on a data set, whether one is better as well.
   * @param options `dataset`: a folder, or the id of an imported data set, on which both are asked
   * @throws TandemError `unknown-head`; as `evaluate`
   * @example const { differences, onDataset } = await tandem.heads.compare('pets@2', 'pets@3', { dataset: 'photos-of-june' });
   */
  compare(
    first: string,
    second: string,
    options?: { dataset?: string } & DatasetOptions & ProgressOptions,
  ): Promise<VersionComparison & { onDataset?: RowComparison }>;
}

/** Summaries of versions that are remembered: a version never changes. */
const mostSummaries = 10_000;

/** The heads of a context. */
export function headsOf(context: Context): Heads {
  const summaries = new LRUCache<string, ReturnType<typeof summarize>>({ max: mostSummaries });
  const summaryOf = (head: RegisteredHead) => {
    const key = `${head.name}@${head.version}`;
    const summary = summaries.get(key) ?? summarize(head);
    summaries.set(key, summary);
    return {
      ...summary.fixed,
      acceptance: acceptanceOf(head, summary.manifest),
      decides: decisionRuleOf(head, summary.manifest) !== undefined,
    };
  };
  const versions = async (name: string) => {
    const registry = await context.registry();
    await registry.resolve(name);
    return { name, versions: await registry.versions(name), aliases: await registry.aliases(name) };
  };
  return {
    async list() {
      const registry = await context.registry();
      const listed = await registry.list();
      const names = [...new Set(listed.map(({ name }) => name))];
      const aliases = new Map(
        await Promise.all(names.map(async (name) => [name, await registry.aliases(name)] as const)),
      );
      return readEach(listed, (head) => withAliases(head, aliases.get(head.name) ?? {}));
    },
    async info(reference) {
      const registry = await context.registry();
      const head = await registry.resolve(reference);
      return withAliases(head, await registry.aliases(head.name));
    },
    async latest(page) {
      const { heads, total } = await (await context.registry()).latest(page);
      return { ...readEach(heads, summaryOf), total };
    },
    get: async (head) => summaryOf(await (await context.registry()).resolve(head)),
    versions,
    async setAlias(name, alias, version) {
      await (await context.registry()).setAlias(name, alias, version);
      return versions(name);
    },
    async rollback(name, alias) {
      await (await context.registry()).rollback(name, alias);
      return versions(name);
    },
    async deleteAlias(name, alias) {
      await (await context.registry()).deleteAlias(name, alias);
      return versions(name);
    },
    async delete(name, version) {
      const registry = await context.registry();
      await registry.delete(name, version);
      return registry.resolve(name).then(
        () => versions(name),
        () => ({ name, versions: [], aliases: {} }),
      );
    },
    accept: (head, accuracy) => accept(context, head, accuracy),
    async zeroShot(name, options) {
      const { makeZeroShotHead } = await import('./zero-shot.ts');
      return makeZeroShotHead(context, name, options);
    },
    export: (head) => exportVersion(context, head),
    exportOnnx: (head, folder, options = {}) => exportOneModel(context, head, folder, options),
    import: (file, options = {}) => importVersion(context, file, options),
    compare: (first, second, options = {}) => compareVersions(context, [first, second], options),
  };
}

async function accept(context: Context, reference: string, accuracy: number | null): Promise<HeadAcceptance> {
  checkOptions(acceptOptions, { accuracy });
  const registry = await context.registry();
  const head = await registry.resolve(reference);
  const { name, version } = head;
  const manifest = manifestOf(head);
  if (!targets[manifest.target].verdict)
    throw new TandemError(
      'invalid-request',
      `${name}@${version} answers with numbers, which are not right or wrong; they come with an interval, and are unsure where an item is unlike the training`,
    );
  const acceptance = accuracy === null ? null : acceptanceFor(manifest, accuracy);
  await registry.setAcceptance(name, version, acceptance);
  return { name, version, acceptance };
}

async function exportVersion(context: Context, head: string): ReturnType<Heads['export']> {
  const { exportHead } = await import('../heads/package.ts');
  const found = await (await context.registry()).open(head);
  const { name, version } = found;
  const scratch = await context.scratch();
  return { name, version, content: await exportHead(found, () => scratch.makeFolder()) };
}

async function exportOneModel(
  context: Context,
  head: string,
  folder: string,
  { plain: isPlain }: { plain?: boolean },
): ReturnType<Heads['exportOnnx']> {
  const { writeOneModel } = await import('../heads/one-model/export.ts');
  const { threads } = context.settings;
  const version = await (await context.registry()).open(head);
  return writeOneModel(version, folder, { threads, isPlain, ...(await installation(context)) });
}

/** The encoders that are here, none of which is loaded. */
async function installation(context: Context): Promise<{ installed: Installation; lookup: EncoderLookup }> {
  const [{ installedEncoders }, { restoreTrunk }] = await Promise.all([
    import('../encoders/places.ts'),
    import('../encoders/restore-trunk.ts'),
  ]);
  const options = await context.encoderOptions();
  const installed = installedEncoders(options);
  const restore: EncoderLookup['restore'] = (trunk) => restoreTrunk(trunk, installed, options.places?.added);
  return { installed, lookup: { find: installed.find, restore } };
}

async function importVersion(
  context: Context,
  file: string,
  { name }: { name?: string },
): ReturnType<Heads['import']> {
  const { importHead } = await import('../heads/package.ts');
  const registry = await context.registry();
  const { lookup: encoders } = await installation(context);
  const registered = await context.inScratch((workspace) =>
    importHead(registry, file, { name, encoders, workspace }),
  );
  return { name: registered.name, version: registered.version };
}

async function compareVersions(
  context: Context,
  references: readonly [first: string, second: string],
  options: Parameters<Heads['compare']>[2] & {},
): ReturnType<Heads['compare']> {
  checkOptions(compareHeadsOptions, options);
  const { dataset, ...reading } = options;
  const registry = await context.registry();
  const first = await registry.resolve(references[0]);
  const second = await registry.resolve(references[1]);
  const comparison = compareManifests(manifestOf(first), manifestOf(second));
  if (dataset === undefined) return comparison;
  const { compareOnDataset } = await import('./training.ts');
  return { ...comparison, onDataset: await compareOnDataset(context, references, dataset, reading) };
}

function manifestOf({ name, version, manifest }: RegisteredHead): HeadManifest {
  return parseHeadManifest(manifest, `${name}@${version}`);
}

/** What never changes of a version's summary, and what of its manifest the rest rests on. */
/** A version's manifest with those of its head's aliases that stand for it. */
function withAliases(
  head: RegisteredHead,
  aliases: HeadVersions['aliases'],
): HeadManifest & { aliases: string[] } {
  const own = Object.entries(aliases).filter(([, meant]) => meant === head.version);
  return { ...manifestOf(head), aliases: own.map(([alias]) => alias) };
}

function summarize(head: RegisteredHead): {
  fixed: Omit<HeadSummary, 'acceptance' | 'decides'>;
  manifest: Pick<HeadManifest, 'target' | 'acceptance' | 'novelty'>;
} {
  const { target, labels, encoders, createdAt, metrics, acceptance, novelty } = manifestOf(head);
  return {
    fixed: {
      name: head.name,
      version: head.version,
      target,
      labels,
      modalities: encoders.map(({ modality }) => modality),
      encoders: encoders.map(summarizeEncoder),
      createdAt,
      metrics,
    },
    manifest: { target, acceptance, novelty },
  };
}
