import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { fetch, problemOf, serve, services } from '../double.ts';

const html = { headers: { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } };

/** The address of the page's script, as the page names it. */
async function scriptOf(address: string, below = ''): Promise<string> {
  const page = await (await fetch(`${address}${below}/`, html)).text();
  const [, script = ''] = /<script[^>]* src="([^"]+)"/.exec(page) ?? [];
  return script;
}

it('gives browsers the page at /, and everybody else JSON', async () => {
  const { address } = await serve(services());
  const page = await fetch(address, html);
  expect(page.headers.get('Content-Type')).toBe('text/html; charset=utf-8');
  expect(page.headers.get('Vary')).toContain('Accept');
  for (const Accept of ['*/*', 'application/json']) {
    const answer = await fetch(address, { headers: { Accept } });
    expect(await answer.json()).toMatchObject({ name: 'Tandem' });
  }
});

it('lets the page run its own scripts and nothing else, and be framed by nobody', async () => {
  const { address } = await serve(services());
  const policy = (await fetch(address, html)).headers.get('Content-Security-Policy');
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self';");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain('unsafe');
  expect(await (await fetch(address, html)).text()).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=/);
});

it('asks after the page each time, and keeps its scripts for ever, compressed', async () => {
  const { address } = await serve(services());
  expect((await fetch(address, html)).headers.get('Cache-Control')).toBe('no-cache');
  const script = `${address}${await scriptOf(address)}`;
  const plain = await (await fetch(script, { headers: { 'Accept-Encoding': 'identity' } })).text();
  const unpack = { br: brotliDecompressSync, gzip: gunzipSync };
  for (const encoding of ['br', 'gzip'] as const) {
    const packed = await fetch(script, { headers: { 'Accept-Encoding': encoding } });
    expect(packed.headers.get('Content-Encoding')).toBe(encoding);
    expect(packed.headers.get('Cache-Control')).toBe('public, max-age=31536000, immutable');
    const bytes = Buffer.from(await packed.arrayBuffer());
    expect(unpack[encoding](bytes).toString()).toBe(plain);
    expect(bytes.length).toBeLessThan(150_000);
  }
  expect(await problemOf(await fetch(`${address}/studio/other.js`))).toMatchObject({ code: 'not-found' });
});

it('names its files below the base path', async () => {
  const { address } = await serve(services(), { basePath: '/tandem' });
  const script = await scriptOf(address, '/tandem');
  expect(script).toMatch(/^\/tandem\/studio\/index-[\w-]+\.js$/);
  expect((await fetch(`${address}${script}`)).status).toBe(200);
});
