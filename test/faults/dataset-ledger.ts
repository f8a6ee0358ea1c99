import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import type { Random } from '../../src/random.ts';
import { form } from '../e2e/server.ts';
import type { Client } from './client.ts';
import type { Findings, Ledger } from './ledger.ts';
import { type SampleRow, writeSample } from './sample.ts';

interface KnownDataset {
  /** Once it is known. */
  id?: string;
  rows: SampleRow[];
  state: 'adding' | 'there' | 'deleting';
  /** Whether all of it was looked at since it came. */
  isProven: boolean;
}

const mostKept = 8;

/** Datasets, brought and deleted. */
export class DatasetLedger implements Ledger {
  readonly #known = new Map<string, KnownDataset>();
  readonly #random: Random;
  readonly #folder: string;
  /** Datasets that must stay. */
  readonly #used = new Set<string>();
  #count = 0;

  /** @param folder for what is uploaded */
  constructor(random: Random, folder: string) {
    this.#random = random;
    this.#folder = folder;
  }

  /** The ids of those that are there for sure. */
  get ids(): string[] {
    return [...this.#known.values()].flatMap(({ id, state }) => (id && state === 'there' ? [id] : []));
  }

  /** How many different images are in them. */
  get images(): number {
    return new Set([...this.#known.values()].flatMap(({ rows }) => rows.map(({ hash }) => hash))).size;
  }

  /** Brings one, or deletes the oldest where there are many. */
  async act(client: Client): Promise<void> {
    if (this.#known.size > mostKept) await this.deleteOldest(client);
    else await this.add(client);
  }

  async deleteOldest(client: Client): Promise<void> {
    const [name, dataset] = [...this.#known].find(
      ([name, { state }]) => state === 'there' && !this.#used.has(name),
    )!;
    dataset.state = 'deleting';
    await client.expect(204, 'DELETE', `/v1/datasets/${dataset.id}`);
    this.#known.delete(name);
  }

  /** @returns the id of one that stays */
  async addForGood(client: Client): Promise<string> {
    const name = await this.add(client);
    this.#used.add(name);
    return this.#known.get(name)!.id!;
  }

  async add(client: Client): Promise<string> {
    const name = `set-${this.#count++}`;
    const file = path.join(this.#folder, `${name}.zip`);
    const dataset: KnownDataset = {
      rows: await writeSample(file, this.#random),
      state: 'adding',
      isProven: false,
    };
    const body = await form({ name }, { file });
    await rm(file);
    this.#known.set(name, dataset);
    const { id } = await client.expect(201, 'POST', '/v1/datasets', body);
    Object.assign(dataset, { id, state: 'there' });
    return name;
  }

  async check(client: Client, found: Findings): Promise<void> {
    const { datasets } = await client.expect(200, 'GET', '/v1/datasets');
    const listed = new Map<string, { id: string }>(
      datasets.map((dataset: { name: string }) => [dataset.name, dataset]),
    );
    expect(listed.size, 'no dataset is listed twice').toBe(datasets.length);
    for (const [name, dataset] of this.#known) {
      const there = listed.get(name);
      listed.delete(name);
      if (dataset.state === 'there') expect(there?.id, `the dataset ${name} is there`).toBe(dataset.id);
      else found.settled('datasets', there !== undefined);
      if (!there) this.#known.delete(name);
      else {
        Object.assign(dataset, { id: there.id, state: 'there' });
        found.checked('datasets');
      }
    }
    expect([...listed.keys()], 'datasets that nobody brought').toEqual([]);
    const entries = [...this.#known.values()];
    const again = entries[this.#random.nextInteger(Math.max(1, entries.length))];
    for (const dataset of entries)
      if (!dataset.isProven || dataset === again) await this.#prove(client, dataset);
  }

  /** Every row is there with its image, and an export is the same dataset. */
  async #prove(client: Client, dataset: KnownDataset): Promise<void> {
    const at = `/v1/datasets/${dataset.id}`;
    const { rows } = await client.expect(200, 'GET', `${at}/rows?limit=200`);
    const shown: { text: string; truth: { class: string }; image: { hash: string } }[] = rows;
    expect(shown.map(({ text, truth, image }) => ({ text, label: truth.class, hash: image.hash }))).toEqual(
      dataset.rows,
    );
    const exported = path.join(this.#folder, 'export.zip');
    await writeFile(exported, await client.expect(200, 'GET', `${at}/export`));
    const { name } = await client.expect(200, 'GET', at);
    const again = await client.expect(200, 'POST', '/v1/datasets', await form({ name }, { file: exported }));
    expect(again.id).toBe(dataset.id);
    dataset.isProven = true;
  }
}
