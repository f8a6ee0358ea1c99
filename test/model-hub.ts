import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Files larger than this are Git LFS's: the hub redirects to where they are stored. */
const mostGitBytes = 2000;

export interface HostedModel {
  commit: string;
  files: Record<string, Uint8Array | string>;
  /** What the listing says of a file, in place of the truth. */
  listed?: Record<string, object>;
}

/** Answers in place of the hub; false leaves a request to it. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean;

/** A request as the hub or its storage got it. */
export interface SeenRequest {
  at: 'hub' | 'storage';
  path: string;
  token?: string;
  range?: string;
}

/**
 * A hub of the Hugging Face layout on the loopback, and the storage of its large files at another origin. Each request is
 * noted; a fault answers in place of the next ones.
 */
export class ModelHub implements AsyncDisposable {
  readonly requests: SeenRequest[] = [];
  /** Asked in order, of the hub and of the storage. */
  readonly faults: Fault[] = [];
  readonly models: Record<string, HostedModel>;
  /** Where the hub says that large files are; its storage, by default. */
  storageAddress?: string;
  readonly #hub: Server;
  readonly #storage: Server;

  private constructor(models: Record<string, HostedModel>) {
    this.models = models;
    this.#hub = createServer((request, response) => this.#answer('hub', request, response));
    this.#storage = createServer((request, response) => this.#answer('storage', request, response));
  }

  static async start(models: Record<string, HostedModel>): Promise<ModelHub> {
    const hub = new ModelHub(models);
    for (const server of [hub.#hub, hub.#storage]) await once(server.listen(0, '127.0.0.1'), 'listening');
    return hub;
  }

  get address(): string {
    return origin(this.#hub);
  }

  /** The ports of the hub and of its storage. */
  get ports(): [hub: number, storage: number] {
    const [hub, storage] = [this.#hub, this.#storage].map((server) => (server.address() as AddressInfo).port);
    return [hub ?? 0, storage ?? 0];
  }

  /** The paths that were asked for, of the hub and the storage. */
  get paths(): string[] {
    return this.requests.map(({ path }) => path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.#hub, this.#storage]) {
      server.closeAllConnections();
      await once(server.close(), 'close');
    }
  }

  #answer(at: SeenRequest['at'], request: IncomingMessage, response: ServerResponse): void {
    const { url = '/', headers } = request;
    this.requests.push({ at, path: decodeURI(url), token: headers.authorization, range: headers.range });
    if (this.faults.some((fault) => fault(request, response))) return;
    const path = decodeURIComponent(new URL(url, this.address).pathname);
    const listing = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/(.+)$/.exec(path);
    if (at === 'storage') this.#store(path, request, response);
    else if (listing) this.#list(listing[1], listing[2], response);
    else this.#resolve(path, request, response);
  }

  #resolve(path: string, request: IncomingMessage, response: ServerResponse): void {
    const file = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path);
    const model = file && this.models[file[1]];
    const content = model?.files[file?.[3] ?? ''];
    if (!model || content === undefined || file[2] !== model.commit) {
      end(response, 404, 'Entry not found');
      return;
    }
    response.setHeader('X-Repo-Commit', model.commit);
    const bytes = Buffer.from(content);
    if (bytes.length <= mostGitBytes) send(bytes, request, response);
    else
      response
        .writeHead(302, {
          Location: `${this.storageAddress ?? origin(this.#storage)}/${sha256(bytes)}?X-Signature=abc`,
        })
        .end();
  }

  #list(id: string, revision: string, response: ServerResponse): void {
    const model = this.models[id];
    if (!model || !['main', model.commit].includes(revision)) {
      end(response, 404, 'Repository not found');
      return;
    }
    const siblings = Object.entries(model.files).map(([rfilename, content]) => {
      const bytes = Buffer.from(content);
      const size = bytes.length;
      const lfs = size > mostGitBytes ? { sha256: sha256(bytes), size, pointerSize: 130 } : undefined;
      const blobId = createHash('sha1').update(`blob ${size}\0`).update(bytes).digest('hex');
      return { rfilename, size, blobId, lfs, ...model.listed?.[rfilename] };
    });
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ id, sha: model.commit, private: false, siblings }));
  }

  #store(path: string, request: IncomingMessage, response: ServerResponse): void {
    const all = Object.values(this.models).flatMap(({ files }) => Object.values(files));
    const bytes = all.map((content) => Buffer.from(content)).find((each) => `/${sha256(each)}` === path);
    if (bytes) send(bytes, request, response);
    else end(response, 404, 'no such object');
  }
}

/** Sends bytes, or the part of them that the request names. */
function send(bytes: Buffer, { headers }: IncomingMessage, response: ServerResponse): void {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? [];
  const [from, to] = [Number(first ?? 0), Math.min(Number(last || Infinity), bytes.length - 1)];
  const part = first === undefined ? {} : { 'Content-Range': `bytes ${from}-${to}/${bytes.length}` };
  response.writeHead(first === undefined ? 200 : 206, { 'Content-Length': to + 1 - from, ...part });
  response.end(bytes.subarray(from, to + 1));
}

function end(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'X-Error-Message': message }).end(message);
}

function origin(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
