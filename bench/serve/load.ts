import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import autocannon from 'autocannon';
import { makePhotographs } from '../ingest/photographs.ts';
import { texts } from './texts.ts';

/** A request as it travels: a multipart form's bytes. */
export interface Form {
  body: Buffer;
  contentType: string;
}

/** Makes the form of an image and a text, for a head or for the one that is asked without a name. */
export async function makeForm(image: Uint8Array, text: string, head?: string): Promise<Form> {
  const form = new FormData();
  if (head !== undefined) form.set('head', head);
  form.set('text', text);
  form.set('image', new Blob([Uint8Array.from(image)], { type: 'image/jpeg' }), 'image.jpg');
  const response = new Response(form);
  return {
    body: Buffer.from(await response.arrayBuffer()),
    contentType: response.headers.get('Content-Type')!,
  };
}

/** The same of a text alone, as JSON. */
export function textForm(text: string, head?: string): Form {
  const body = JSON.stringify({ head, inputs: [{ text }] });
  return { body: Buffer.from(body), contentType: 'application/json' };
}

/** Forms of image files, each with a text. */
export function formsOf(images: readonly string[]): Promise<Form[]> {
  return Promise.all(
    images.map(async (file, index) => makeForm(await readFile(file), texts[index % texts.length])),
  );
}

/**
 * Forms of 64 different photographs of a size, each with a text.
 * @param heads that they ask in turn; there are more forms where there are more heads
 */
export async function makeForms(
  size: readonly [width: number, height: number],
  heads: readonly string[] = [],
): Promise<Form[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-images-'));
  try {
    const files = await makePhotographs(folder, 64, size);
    const forms = Array.from({ length: Math.max(files.length, heads.length) }, async (_, index) =>
      makeForm(
        await readFile(files[index % files.length]),
        texts[index % texts.length],
        heads[index % heads.length],
      ),
    );
    return await Promise.all(forms);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A form as `fetch` posts it. */
export function postOf({ body, contentType }: Form): RequestInit {
  return { method: 'POST', body: new Uint8Array(body), headers: { 'Content-Type': contentType } };
}

export interface Load {
  url: string;
  /** The forms in turn, or what gives the next one. */
  forms: readonly Form[] | (() => Form);
  clients: number;
  /** How long, or how many requests. */
  extent: { seconds: number } | { requests: number };
  /** Requests a second, however fast the answers come; without it each client waits for its answer. */
  rate?: number;
}

export interface LoadResult {
  /** Answers a second. */
  rate: number;
  /** Milliseconds. */
  median: number;
  p99: number;
  /** Requests without an answer of status 200. */
  failed: number;
  /** Of those, the ones that are the server's fault: without an answer, or with a status of 500 or more. */
  lost: number;
}

/** Asks a server over and over, each client with the next form. */
export async function putLoad({ url, forms, clients, extent, rate }: Load): Promise<LoadResult> {
  let taken = 0;
  const next = typeof forms === 'function' ? forms : () => forms[taken++ % forms.length];
  const result = await autocannon({
    url,
    connections: clients,
    ...('seconds' in extent ? { duration: extent.seconds } : { amount: extent.requests }),
    ...(rate !== undefined && { overallRate: rate }),
    timeout: 60,
    setupClient(client) {
      const advance = () => {
        const { body, contentType } = next();
        client.setHeadersAndBody({ 'content-type': contentType }, body);
      };
      advance();
      client.on('response', advance);
    },
    method: 'POST',
  });
  const { latency, duration, non2xx, errors } = result;
  const answered = result['2xx'];
  return {
    rate: answered / duration,
    median: latency.p50,
    p99: latency.p99,
    failed: non2xx + errors,
    lost: result['5xx'] + errors,
  };
}
