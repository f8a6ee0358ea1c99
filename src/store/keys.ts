import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { TandemError } from '../errors.ts';
import { product } from '../product.ts';
import { readJsonFile, writeJsonFile } from './json-file.ts';
import { missing } from './missing.ts';

/** What a key may do: `predict` asks heads, `train` keeps datasets and fine-tunes as well, `admin` may do everything. */
export const scopes = ['predict', 'train', 'admin'] as const;
export type Scope = (typeof scopes)[number];

const keySchema = z.object({
  id: z.string(),
  name: z.string(),
  scope: z.enum(scopes),
  createdAt: z.iso.datetime(),
  /** sha256 of the secret. The secret has 256 random bits, so a slow hash would protect nothing. */
  hash: z.string(),
});
type StoredKey = z.infer<typeof keySchema>;
const fileSchema = z.object({ keys: z.array(keySchema) });

/** A key as people see it: without its secret. */
export type ApiKey = Omit<StoredKey, 'hash'>;

/**
 * The API keys, in one file of the data folder. A change by another process, as by the command line beside a running
 * server, counts from the next request on.
 * @example
 * const keys = new ApiKeys('data');
 * const { secret } = await keys.create('shop', 'predict');
 * (await keys.find(secret))?.scope; // 'predict'
 */
export class ApiKeys {
  readonly #file: string;
  #read: { version: string; byHash: Map<string, StoredKey> } = { version: '', byHash: new Map() };

  constructor(data: string) {
    this.#file = path.join(data, 'keys.json');
  }

  /** @returns the key and its secret, which is shown now and kept nowhere */
  async create(name: string, scope: Scope): Promise<ApiKey & { secret: string }> {
    const secret = `${product.command}_${randomBytes(32).toString('base64url')}`;
    const key = { id: randomUUID(), name, scope, createdAt: new Date().toISOString() };
    await this.#write([...(await this.#keys()).values(), { ...key, hash: hashOf(secret) }]);
    return { ...key, secret };
  }

  /** The oldest first. */
  async list(): Promise<ApiKey[]> {
    return [...(await this.#keys()).values()].map(({ hash: _, ...key }) => key);
  }

  /** @throws TandemError `unknown-key` */
  async revoke(id: string): Promise<ApiKey> {
    const keys = [...(await this.#keys()).values()];
    const found = keys.find((key) => key.id === id);
    if (!found) throw new TandemError('unknown-key', `no key has the id ${JSON.stringify(id)}`);
    await this.#write(keys.filter((key) => key !== found));
    const { hash: _, ...key } = found;
    return key;
  }

  /** The key that a secret belongs to. */
  async find(secret: string): Promise<ApiKey | undefined> {
    return (await this.#keys()).get(hashOf(secret));
  }

  /** True where there is at least one key. */
  async any(): Promise<boolean> {
    return (await this.#keys()).size > 0;
  }

  /** True once a key was made, even if all are revoked by now. */
  async wereMade(): Promise<boolean> {
    return (await stat(this.#file).catch(missing)) !== undefined;
  }

  async #keys(): Promise<Map<string, StoredKey>> {
    const found = await stat(this.#file, { bigint: true }).catch(missing);
    const version = found ? `${found.mtimeNs} ${found.ino}` : '';
    if (version === this.#read.version) return this.#read.byHash;
    const { keys } = (await readJsonFile(this.#file, fileSchema, 'is not a list of keys')) ?? { keys: [] };
    this.#read = { version, byHash: new Map(keys.map((key) => [key.hash, key])) };
    return this.#read.byHash;
  }

  #write(keys: StoredKey[]): Promise<void> {
    return writeJsonFile(this.#file, { keys });
  }
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
