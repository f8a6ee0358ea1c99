/** What a user does, run in a container of its own beside the server's; each result is one JSON line. */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';

const server = 'http://127.0.0.1:8080';
const key = process.env.KEY;
const headers: Record<string, string> = key ? { Authorization: `Bearer ${key}` } : {};
const print = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`);
};

async function answerOf(response: Response): Promise<unknown> {
  return { status: response.status, body: await response.json() };
}

const predict = (head: string, text: string) => {
  const body = new FormData();
  body.set('head', head);
  body.set('text', text);
  return fetch(`${server}/v1/predict`, { method: 'POST', body, headers });
};

const verbs: Record<string, (...args: string[]) => Promise<void>> = {
  get: async (path) => print(await answerOf(await fetch(server + path, { headers }))),
  predict: async (head, text) => print(await answerOf(await predict(head, text))),
  async submit(head, archive) {
    const body = new FormData();
    body.set('head', head);
    body.set('file', new Blob([readFileSync(archive)]), 'dataset.zip');
    print(await answerOf(await fetch(`${server}/v1/jobs`, { method: 'POST', body, headers })));
  },
  /** Imports a dataset again and again, each under a name of its own, says when the first is in, and goes on. */
  async imports(archive) {
    const file = new Blob([readFileSync(archive)]);
    const acknowledged: string[] = [];
    for (let number = 0; ; number++) {
      const body = new FormData();
      body.set('name', `set ${number}`);
      body.set('file', file, 'dataset.zip');
      const response = await fetch(`${server}/v1/datasets`, { method: 'POST', body, headers }).catch(
        () => {},
      );
      const dataset = response?.ok && (await response.json().catch(() => undefined));
      if (!dataset) break;
      acknowledged.push(dataset.id);
      if (number === 0) print({ warm: true });
    }
    print({ acknowledged });
  },
  /** Uploads half of a dataset, says so, and waits for what becomes of it. */
  async half() {
    await new Promise<void>((resolve) => {
      const type = 'multipart/form-data; boundary=here';
      const upload = request(`${server}/v1/jobs`, {
        method: 'POST',
        headers: { ...headers, 'Content-Type': type, 'Content-Length': 2_000_000 },
      });
      upload.on('response', ({ statusCode }) => {
        print({ outcome: statusCode });
        resolve();
      });
      upload.on('error', () => {
        print({ outcome: 'cut off' });
        resolve();
      });
      const part = (fields: string) => `--here\r\nContent-Disposition: form-data; ${fields}\r\n\r\n`;
      upload.write(`${part('name="head"')}half\r\n${part('name="file"; filename="half.zip"')}`);
      upload.write(Buffer.alloc(1_000_000), () => print({ sent: true }));
    });
  },
  /** Predicts with four callers at once until nobody listens any more. */
  async load(head) {
    const count = { answered: 0, broken: 0 };
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        for (;;) {
          const response = await predict(head, 'a slice of pizza').catch(() => undefined);
          if (!response) return;
          const complete = response.ok && (await response.json().catch(() => undefined));
          if (!complete) {
            count.broken++;
            return;
          }
          if (++count.answered === 20) print({ warm: true });
        }
      }),
    );
    print(count);
  },
};

const [verb, ...args] = process.argv.slice(2);
await verbs[verb](...args);
