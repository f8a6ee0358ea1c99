/** A file of a form. Its content may be a stream, which is sent as it comes (in browsers over HTTP/2 only). */
export type Upload =
  | File
  | {
      /** Name of the file; its ending says nothing that its content does not. */
      name: string;
      content: Blob | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;
    };

/** A field as the API's description has it: of a file, which may be optional, a string. */
type Sent<Value> = Value extends Upload ? string : Value;

/** What a call of the client requires to send a form. */
export type FormOptions<Fields> = {
  body: { -readonly [Name in keyof Fields]: Sent<Fields[Name]> };
  bodySerializer(): FormData | ReadableStream<Uint8Array>;
  headers?: Record<string, string>;
  /** Of a stream: the answer is read once the request is sent. */
  duplex?: 'half';
};

/**
 * The body of a call that takes a form, and files in it: datasets, jobs, heads, predictions.
 * @param fields texts and files by the names of the form's fields; an undefined one is left out
 * @example
 * import { openAsBlob } from 'node:fs';
 * const file = { name: 'photos.zip', content: await openAsBlob('photos.zip') }; // or a File of an <input>
 * const { data, error } = await tandem.POST('/v1/datasets', form({ file, labelColumn: 'kind' }));
 */
export function form<const Fields extends Record<string, string | Upload | undefined>>(
  fields: Fields,
): FormOptions<Fields> {
  const body = fields as unknown as FormOptions<Fields>['body'];
  const entries = Object.entries(fields).filter((entry): entry is [string, string | Upload] => {
    return entry[1] !== undefined;
  });
  if (!entries.some(([, value]) => isStreamed(value)))
    return { body, bodySerializer: () => formData(entries) };
  const boundary = `tandem-${crypto.randomUUID()}`;
  return {
    body,
    bodySerializer: () => streamOf(parts(entries, boundary)),
    headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}` },
    duplex: 'half',
  };
}

type Entry = readonly [name: string, value: string | Upload];

function isStreamed(value: string | Upload): boolean {
  if (typeof value === 'string' || value instanceof Blob) return false;
  return !(value.content instanceof Blob || value.content instanceof Uint8Array);
}

function formData(entries: readonly Entry[]): FormData {
  const data = new FormData();
  for (const [name, value] of entries) {
    if (typeof value === 'string') data.append(name, value);
    else if (value instanceof Blob) data.append(name, value, value.name);
    else data.append(name, new Blob([value.content as Blob | Uint8Array<ArrayBuffer>]), value.name);
  }
  return data;
}

/** The form as RFC 7578 has it, file by file. */
async function* parts(entries: readonly Entry[], boundary: string): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  for (const [name, value] of entries) {
    const file = typeof value === 'string' ? '' : `; filename="${quoted(value.name)}"`;
    yield encoder.encode(
      `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"${file}\r\n\r\n`,
    );
    if (typeof value === 'string') yield encoder.encode(value);
    else yield* chunksOf(value instanceof Blob ? value : value.content);
    yield encoder.encode('\r\n');
  }
  yield encoder.encode(`--${boundary}--\r\n`);
}

/** As browsers write names of fields and files. */
function quoted(name: string): string {
  return name.replace(/["\r\n]/g, encodeURIComponent);
}

async function* chunksOf(
  content: Exclude<Upload, File>['content'] | Blob,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (content instanceof Uint8Array) return yield content;
  if (Symbol.asyncIterator in content && !(content instanceof Blob)) return yield* content;
  // Not every browser iterates over streams.
  const reader = (content instanceof Blob ? content.stream() : content).getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    reader.releaseLock();
  }
}

function streamOf(chunks: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await chunks.return(undefined);
    },
  });
}
