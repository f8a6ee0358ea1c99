import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, utimes } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import pMap from 'p-map';
import { TandemError } from '../../errors.ts';
import { temporaryName } from '../files/durable.ts';
import { missing } from '../files/missing.ts';
import { type Artifacts, addedAtOnce } from './artifacts.ts';
import { FolderArtifacts } from './folder-artifacts.ts';

/** How often a request is sent at most, and milliseconds until one that is not answered counts as failed. */
const attempts = 6;
const requestTimeout = 60_000;
/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html */
const deletedAtOnce = 1000;
/** Milliseconds after which a copy that nobody asked for is removed; no training holds on to one for so long. */
const staleAfter = 7 * 24 * 3_600_000;
/** Engines load a head again whenever one replaces another, without asking for it: its copy stays. */
const loadedAgain = /^heads\//;

export interface S3ArtifactsOptions {
  bucket: string;
  /** What every key begins with, without a slash at the end. */
  prefix: string;
  /** Folder for copies of what was read. */
  copies: string;
}

/** Artifacts as objects of a store that speaks S3. What is read is copied to this machine once. */
export class S3Artifacts implements Artifacts {
  readonly #client: S3Client;
  readonly #options: S3ArtifactsOptions;
  readonly #copying = new Map<string, Promise<string>>();

  constructor(options: S3ArtifactsOptions) {
    this.#options = options;
    const hasOwnEndpoint = process.env.AWS_ENDPOINT_URL_S3 ?? process.env.AWS_ENDPOINT_URL;
    this.#client = new S3Client({
      maxAttempts: attempts,
      requestHandler: { connectionTimeout: 10_000, requestTimeout, throwOnRequestTimeout: true },
      // Other stores than AWS's seldom have a host name for every bucket, or a region.
      ...(hasOwnEndpoint && {
        forcePathStyle: true,
        region: process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION ?? 'us-east-1',
      }),
    });
  }

  async add(files: Iterable<readonly [string, string]>, onAdded?: (done: number) => void): Promise<void> {
    let done = 0;
    const addOne = async ([key, file]: readonly [string, string]) => {
      if (!(await this.has(key))) await this.#put(key, file);
      onAdded?.(++done);
    };
    await pMap(files, addOne, { concurrency: addedAtOnce });
  }

  async take(key: string, file: string): Promise<void> {
    await this.#put(key, file);
    await rm(file);
  }

  async path(key: string): Promise<string> {
    const copy = path.join(this.#options.copies, key);
    const now = new Date();
    // Its time says when it was last asked for.
    const isThere = await utimes(copy, now, now).then(() => true, missing);
    if (isThere) return copy;
    const copying = this.#copying.get(key) ?? this.#copy(key, copy).finally(() => this.#copying.delete(key));
    this.#copying.set(key, copying);
    return copying;
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    const get = new GetObjectCommand({ Bucket: this.#options.bucket, Key: this.#key(key) });
    const answer = await this.#client.send(get).catch((error) => {
      if (error.name === 'NoSuchKey') return undefined;
      throw error;
    });
    return answer?.Body?.transformToByteArray();
  }

  async has(key: string): Promise<boolean> {
    const head = new HeadObjectCommand({ Bucket: this.#options.bucket, Key: this.#key(key) });
    return this.#client.send(head).then(
      () => true,
      (error) => {
        if (error.name === 'NotFound') return false;
        throw error;
      },
    );
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.#removeCopy(key);
    for (let first = 0; first < keys.length; first += deletedAtOnce) {
      const Objects = keys.slice(first, first + deletedAtOnce).map((key) => ({ Key: this.#key(key) }));
      const Bucket = this.#options.bucket;
      const { Errors = [] } = await this.#client.send(
        new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }),
      );
      const [failure] = Errors;
      if (failure)
        throw new TandemError('storage-unavailable', `${failure.Key} was not deleted: ${failure.Message}`, {
          retryAfter: 5,
        });
    }
  }

  async *list(prefix: string): AsyncGenerator<{ key: string; age: number }> {
    const pages = paginateListObjectsV2(
      { client: this.#client },
      { Bucket: this.#options.bucket, Prefix: `${this.#key(prefix)}/` },
    );
    const skipped = this.#key('').length;
    for await (const { Contents = [] } of pages)
      for (const { Key, LastModified } of Contents)
        if (Key && LastModified) yield { key: Key.slice(skipped), age: Date.now() - LastModified.getTime() };
  }

  async *listCopies(prefix: string): AsyncGenerator<string> {
    for await (const { key } of new FolderArtifacts(this.#options.copies).list(prefix)) yield key;
  }

  async removeCopies(keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.#removeCopy(key);
  }

  async removeStaleCopies(): Promise<void> {
    for await (const { key, age } of new FolderArtifacts(this.#options.copies).list(''))
      if (age > staleAfter && !loadedAgain.test(key)) await this.#removeCopy(key);
  }

  /** Its folder stays: another copy may be on its way there. */
  #removeCopy(key: string): Promise<void> {
    return rm(path.join(this.#options.copies, key), { force: true });
  }

  #key(key: string): string {
    const { prefix } = this.#options;
    return prefix === '' ? key : `${prefix}/${key}`;
  }

  /** In parts where it is large; a part that fails is sent again. */
  async #put(key: string, file: string): Promise<void> {
    const params = { Bucket: this.#options.bucket, Key: this.#key(key), Body: createReadStream(file) };
    await new Upload({ client: this.#client, params }).done();
  }

  async #copy(key: string, copy: string): Promise<string> {
    const get = new GetObjectCommand({ Bucket: this.#options.bucket, Key: this.#key(key) });
    const { Body } = await this.#client.send(get).catch((cause) => {
      if (cause.name !== 'NoSuchKey') throw cause;
      const place = `s3://${this.#options.bucket}/${this.#key(key)}`;
      throw new TandemError('damaged-artifact', `${place} is missing`, { cause });
    });
    await mkdir(path.dirname(copy), { recursive: true });
    // In the folder itself, where those that a crash left are looked for.
    const temporary = temporaryName(path.join(this.#options.copies, path.basename(copy)));
    try {
      await pipeline(Body as Readable, createWriteStream(temporary, { flush: true }));
      await rename(temporary, copy);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    return copy;
  }
}
