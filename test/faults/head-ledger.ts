import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { Parser } from 'tar';
import { expect } from 'vitest';
import type { Random } from '../../src/random.ts';
import { form } from '../e2e/server.ts';
import type { Client } from './client.ts';
import { applyChange, type HeadChange, type HeadModel, possibleChanges } from './head-model.ts';
import type { Findings, Ledger } from './ledger.ts';

const name = 'imported';
const aliases = ['production', 'canary'];
const mostVersions = 6;

/** One head that versions are imported of, deleted of, and that aliases stand for. */
export class HeadLedger implements Ledger {
  #known: HeadModel = { versions: [], highest: 0, aliases: {} };
  #inFlight: HeadChange | undefined;
  readonly #proven = new Set<number>();
  readonly #random: Random;
  readonly #package: string;
  /** The answer of the head that is imported again and again. */
  #answer: unknown;

  /** @param folder for what is uploaded */
  constructor(random: Random, folder: string) {
    this.#random = random;
    this.#package = path.join(folder, 'head.tar');
  }

  /** How many versions there are. */
  get versions(): number {
    return this.#known.versions.length;
  }

  /** Exports the head that is imported then, and imports enough of it to choose from. */
  async begin(client: Client): Promise<void> {
    await writeFile(this.#package, await client.expect(200, 'GET', '/v1/heads/emoji/versions/1/export'));
    this.#answer = (await this.predict(client, 'emoji@1')).results;
    for (const version of [1, 2, 3]) {
      await this.#change(client, { kind: 'import' });
      for (const alias of aliases) await this.#change(client, { kind: 'set', alias, version });
    }
  }

  /** Registers a version; where there are many, makes room first. */
  async register(client: Client): Promise<void> {
    const { versions } = this.#known;
    if (versions.length >= mostVersions) {
      const [unused] = possibleChanges(this.#known, aliases[0]).filter(({ kind }) => kind === 'delete');
      await this.#change(client, unused);
    }
    await this.#change(client, { kind: 'import' });
  }

  /** Puts an alias on a version or back, or deletes a version. */
  async act(client: Client): Promise<void> {
    const possible = possibleChanges(this.#known, aliases[this.#random.nextInteger(aliases.length)]);
    await this.#change(client, possible[this.#random.nextInteger(possible.length)]);
  }

  /** What a head answers, but for how long it took. */
  async predict(client: Client, head: string) {
    const body = await form({ head, text: 'a slice of pizza' });
    const answer = await client.expect(200, 'POST', '/v1/predict', body);
    return {
      head: answer.head,
      results: answer.results.map((result: object) => ({ ...result, timings: '' })),
    };
  }

  async check(client: Client, found: Findings): Promise<void> {
    const { versions, aliases } = await client.expect(200, 'GET', `/v1/heads/${name}`);
    const has = { versions, aliases };
    if (this.#inFlight) {
      const after = applyChange(this.#known, this.#inFlight);
      const isThere = JSON.stringify(sort(has)) === JSON.stringify(sort(shown(after)));
      const kind = this.#inFlight.kind === 'import' ? 'versions' : 'aliases and deletions';
      // Setting an alias to what it is changes nothing.
      if (JSON.stringify(sort(shown(after))) !== JSON.stringify(sort(shown(this.#known))))
        found.settled(kind, isThere);
      if (isThere) this.#known = after;
      this.#inFlight = undefined;
    }
    expect(has).toEqual(shown(this.#known));
    found.checked('versions', versions.length);
    found.checked('aliases', Object.keys(aliases).length);
    for (const [alias, version] of Object.entries(aliases))
      expect((await this.predict(client, `${name}@${alias}`)).head).toEqual({ name, version });
    const again = versions[this.#random.nextInteger(versions.length)];
    for (const version of versions)
      if (!this.#proven.has(version) || version === again) await this.#prove(client, version);
  }

  /** Which heads a server may list, beside those of jobs. */
  static readonly names = [name, 'emoji'];

  async #change(client: Client, change: HeadChange): Promise<void> {
    this.#inFlight = change;
    const at = `/v1/heads/${name}`;
    if (change.kind === 'import') {
      const body = await form({ name }, { file: this.#package });
      const { version } = await client.expect(201, 'POST', '/v1/heads', body);
      expect(version).toBe(this.#known.highest + 1);
    } else if (change.kind === 'set')
      await client.expect(200, 'PUT', `${at}/aliases/${change.alias}`, { version: change.version });
    else if (change.kind === 'rollback')
      await client.expect(200, 'POST', `${at}/aliases/${change.alias}/rollback`);
    else await client.expect(200, 'DELETE', `${at}/versions/${change.version}`);
    this.#known = applyChange(this.#known, change);
    this.#inFlight = undefined;
  }

  /** It answers as the head that was imported, and each of its files is what its export says. */
  async #prove(client: Client, version: number): Promise<void> {
    const { head, results } = await this.predict(client, `${name}@${version}`);
    expect(head).toEqual({ name, version });
    expect(results).toEqual(this.#answer);
    const exported = await unpack(
      await client.expect(200, 'GET', `/v1/heads/${name}/versions/${version}/export`),
    );
    const { files } = JSON.parse(String(exported.get('manifest.json')));
    expect(Object.keys(files).length).toBeGreaterThan(1);
    for (const [file, hash] of Object.entries(files))
      expect(createHash('sha256').update(exported.get(file)!).digest('hex'), file).toBe(hash);
    this.#proven.add(version);
  }
}

function shown({ versions, aliases }: HeadModel) {
  return {
    versions,
    aliases: Object.fromEntries(Object.entries(aliases).map(([alias, [present]]) => [alias, present])),
  };
}

function sort<Shown extends { aliases: Record<string, number> }>(head: Shown) {
  return { ...head, aliases: Object.entries(head.aliases).sort() };
}

async function unpack(archive: Buffer): Promise<Map<string, Buffer>> {
  const files = new Map<string, Promise<Buffer>>();
  const parser = new Parser({
    onReadEntry: (entry) => void files.set(entry.path, buffer(entry as unknown as Readable)),
  });
  await pipeline(Readable.from([archive]), parser as unknown as NodeJS.WritableStream);
  return new Map(
    await Promise.all([...files].map(async ([file, content]) => [file, await content] as const)),
  );
}
