import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import axe from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { type StartedServer, startServer } from '../e2e/server.ts';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const hasBrowser = existsSync(executablePath);
if (!hasBrowser)
  console.log(`skipped: there is no ${executablePath}; install chromium, or name one in CHROMIUM`);

/** Where a test file's servers keep their data; there once its tests begin. */
export let folder: string;
let browser: Browser;
beforeAll(async () => {
  if (!hasBrowser) return;
  folder = await mkdtemp(path.join(tmpdir(), 'studio-'));
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
});
afterAll(async () => {
  await browser?.close();
  if (folder) await rm(folder, { recursive: true });
});

/** A server on a data folder of its own until the test ends. */
export async function serve(name: string, ...flags: string[]): Promise<StartedServer> {
  const server = await startServer(path.join(folder, name), ...flags);
  onTestFinished(async () => void (await server.stop()));
  return server;
}

/** A page that fails its test where it reports an error or breaks its own policy. */
export async function open(address: string, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ bypassCSP: false, ...options });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (/Content.Security.Policy|TrustedHTML/i.test(message.text())) errors.push(message.text());
  });
  onTestFinished(async () => {
    await context.close();
    expect(errors).toEqual([]);
  });
  await page.goto(address);
  return page;
}

/** Rules of accessibility that the page breaks, and where. */
export async function violations(page: Page): Promise<string[]> {
  // The protocol evaluates it outside of the page's own policy.
  await page.evaluate(axe.source);
  const found = await page.evaluate(() =>
    (
      globalThis as unknown as {
        axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
      }
    ).axe.run(),
  );
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
}

/** Whether something is wider than the window. */
export const overflows = (page: Page) =>
  page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth');
