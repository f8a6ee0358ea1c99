import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openRemote, type RemoteOptions } from '../../../src/remote/open-remote.ts';
import { resolveHost } from '../../../src/remote/resolve-host.ts';

/** A server on loopback that the names `*.test` lead to. */
async function serve(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const options: RemoteOptions = {
    maximumBytes: 1000,
    timeout: 2000,
    ports: [port],
    resolve: async (host) => [{ address: host.endsWith('.test') ? '127.0.0.1' : host }],
    isAllowed: (address) => address === '127.0.0.1',
  };
  return { port, options };
}

const fetchText = async (address: string, options: RemoteOptions) =>
  text((await openRemote(address, options)).body);

describe('a file at an address', () => {
  it('is read, with its type and its name', async () => {
    const { port, options } = await serve((request, response) => {
      response.setHeader('Content-Type', 'image/jpeg');
      response.end(`${request.headers.host} ${request.url}`);
    });
    const { body, contentType, fileName } = await openRemote(
      `http://images.test:${port}/a/gr%C3%B6%C3%9Fe.jpg?x=1`,
      options,
    );
    expect(await text(body)).toBe(`images.test:${port} /a/gr%C3%B6%C3%9Fe.jpg?x=1`);
    expect([contentType, fileName]).toEqual(['image/jpeg', 'größe.jpg']);
  });

  it('may be three redirects away, no more', async () => {
    const { port, options } = await serve((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end('here');
      else response.writeHead(302, { Location: `/${left - 1}` }).end();
    });
    expect(await fetchText(`http://a.test:${port}/3`, options)).toBe('here');
    await expect(fetchText(`http://a.test:${port}/4`, options)).rejects.toThrow(
      /redirects more than 3 times/,
    );
  });
});

describe('an address that is refused', () => {
  it.each([
    ['file:///etc/passwd', /only http and https/],
    ['ftp://example.org/a', /only http and https/],
    ['cat.jpg', /no address/],
    ['http://user:secret@example.org/', /name or password/],
    ['http://example.org:22/', /port 22 is not allowed/],
  ])('%s', async (address, message) => {
    const options = { maximumBytes: 10, timeout: 1000, resolve: async () => [{ address: '93.184.216.34' }] };
    await expect(openRemote(address, options)).rejects.toMatchObject({
      code: 'remote-file',
      message: expect.stringMatching(message),
    });
  });

  it.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0.0.0.0/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[fd00::1]/',
    'http://localhost/',
  ])('leads into our own network: %s', async (address) => {
    await expect(openRemote(address, { maximumBytes: 10, timeout: 1000 })).rejects.toThrow(
      /not on the open internet/,
    );
  });

  it('has one private address among its public ones', async () => {
    const resolve = async () => [{ address: '93.184.216.34' }, { address: '10.0.0.1' }];
    await expect(
      openRemote('http://example.org/', { maximumBytes: 10, timeout: 1000, resolve }),
    ).rejects.toThrow(/not on the open internet/);
  });

  it('redirects into our own network', async () => {
    const { port, options } = await serve((_request, response) =>
      response.writeHead(302, { Location: `http://10.0.0.1:${port}/` }).end(),
    );
    await expect(fetchText(`http://a.test:${port}/`, options)).rejects.toThrow(/not on the open internet/);
  });

  it('answers with another status than 200', async () => {
    const { port, options } = await serve((_request, response) => response.writeHead(404).end());
    await expect(fetchText(`http://a.test:${port}/`, options)).rejects.toThrow(/status 404/);
  });
});

describe('a body', () => {
  it('that grows too large is cut off', async () => {
    const { port, options } = await serve((_request, response) => {
      response.write('x'.repeat(900));
      response.end('x'.repeat(900));
    });
    await expect(fetchText(`http://a.test:${port}/`, options)).rejects.toThrow(/larger than 1000 bytes/);
  });

  it('that stalls ends with the time', async () => {
    const { port, options } = await serve((_request, response) => void response.write('x'));
    await expect(fetchText(`http://a.test:${port}/`, { ...options, timeout: 300 })).rejects.toThrow(
      /more than 0\.3 s/,
    );
  });

  it('that breaks off is an error', async () => {
    const { port, options } = await serve((_request, response) => {
      response.writeHead(200, { 'Content-Length': '100' });
      response.write('x', () => response.destroy());
    });
    await expect(fetchText(`http://a.test:${port}/`, options)).rejects.toMatchObject({ code: 'remote-file' });
  });
});

describe('a name whose resolver hangs', () => {
  it('ends with the time, or with the caller', async () => {
    const resolve = () => new Promise<never>(() => {});
    const caller = new AbortController();
    const begun = performance.now();
    const hanging = openRemote('http://a.test/', { maximumBytes: 10, timeout: 200, resolve });
    await expect(hanging).rejects.toMatchObject({
      code: 'remote-file',
      message: expect.stringMatching(/more than 0\.2 s/),
    });
    expect(performance.now() - begun).toBeLessThan(2000);
    const left = openRemote('http://a.test/', {
      maximumBytes: 10,
      timeout: 60_000,
      resolve,
      signal: caller.signal,
    });
    caller.abort(new Error('the caller left'));
    await expect(left).rejects.toThrow('the caller left');
  });

  it('keeps so few threads busy that files are still read, and is not asked for callers who gave up', async () => {
    const answers: (() => void)[] = [];
    const asked: string[] = [];
    const look = (host: string) =>
      new Promise<{ address: string; family: number }[]>((resolve) => {
        asked.push(host);
        answers.push(() => resolve([{ address: '93.184.216.34', family: 4 }]));
      });
    const lookups = ['a', 'b', 'c', 'd'].map((host) => resolveHost(host, AbortSignal.timeout(100), look));
    for (const lookup of lookups) await expect(lookup).rejects.toThrow(/timeout/);
    expect(asked).toEqual(['a', 'b']);
    const later = resolveHost('e', AbortSignal.timeout(10_000), look);
    for (const answer of answers) answer();
    await expect.poll(() => asked).toEqual(['a', 'b', 'e']);
    answers.at(-1)?.();
    expect(await later).toEqual([{ address: '93.184.216.34', family: 4 }]);
  });
});
