import autocannon from 'autocannon';

/** A request as it travels: a multipart form's bytes. */
export interface Form {
  body: Buffer;
  contentType: string;
}

/** Makes the form of a picture and a text. */
export async function makeForm(image: Uint8Array, text: string): Promise<Form> {
  const form = new FormData();
  form.set('text', text);
  form.set('image', new Blob([Uint8Array.from(image)], { type: 'image/jpeg' }), 'picture.jpg');
  const response = new Response(form);
  return {
    body: Buffer.from(await response.arrayBuffer()),
    contentType: response.headers.get('Content-Type')!,
  };
}

export interface Load {
  url: string;
  forms: readonly Form[];
  clients: number;
  seconds: number;
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
}

/** Asks a server over and over, each client with the forms in turn. */
export async function putLoad({ url, forms, clients, seconds, rate }: Load): Promise<LoadResult> {
  let next = 0;
  const result = await autocannon({
    url,
    connections: clients,
    duration: seconds,
    ...(rate !== undefined && { overallRate: rate }),
    timeout: 60,
    setupClient(client) {
      const advance = () => {
        const { body, contentType } = forms[next++ % forms.length];
        client.setHeadersAndBody({ 'content-type': contentType }, body);
      };
      advance();
      client.on('response', advance);
    },
    method: 'POST',
  });
  const { latency, duration, non2xx, errors } = result;
  const answered = result['2xx'];
  return { rate: answered / duration, median: latency.p50, p99: latency.p99, failed: non2xx + errors };
}
