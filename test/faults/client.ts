export interface Answer<Body> {
  status: number;
  headers: Headers;
  body: Body;
}

/** A server answered what it should not. */
export class UnexpectedAnswer extends Error {
  // biome-ignore lint/suspicious/noExplicitAny: as with `send`
  readonly answer: Answer<any>;

  constructor(request: string, answer: Answer<unknown>) {
    const said = Buffer.isBuffer(answer.body) ? '' : JSON.stringify(answer.body);
    super(`${request} answered ${answer.status} ${said}`);
    this.answer = answer;
  }
}

/** Asks a server, with a key. */
export class Client {
  readonly #address: string;
  readonly #secret: string;

  constructor(address: string, secret: string) {
    this.#address = address;
    this.#secret = secret;
  }

  /** The same server, asked with another key. */
  as(secret: string): Client {
    return new Client(this.#address, secret);
  }

  /** @throws TypeError where the server ends before it has answered */
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of an answer
  async send(method: string, path: string, body?: FormData | object): Promise<Answer<any>> {
    const isForm = body instanceof FormData;
    const response = await fetch(`${this.#address}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${this.#secret}`,
        ...(body && !isForm && { 'Content-Type': 'application/json' }),
      },
      ...(body && { body: isForm ? body : JSON.stringify(body) }),
    });
    const { status, headers } = response;
    const isJson = /json/.test(headers.get('Content-Type') ?? '');
    return {
      status,
      headers,
      body: isJson ? await response.json() : Buffer.from(await response.arrayBuffer()),
    };
  }

  /**
   * The body of an answer.
   * @throws UnexpectedAnswer where its status is another one
   */
  async expect(expected: number, method: string, path: string, body?: FormData | object) {
    const answer = await this.send(method, path, body);
    if (answer.status !== expected) throw new UnexpectedAnswer(`${method} ${path}`, answer);
    return answer.body;
  }
}

/** Whether a request failed because nobody was there to answer. */
export function isBroken(error: unknown): boolean {
  return error instanceof TypeError && /fetch failed|terminated/.test(error.message);
}
