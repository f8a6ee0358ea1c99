/**
 * `npm run figures`: makes the images in docs/ of the ready head's report and of the page at /, as a browser shows them, light
 * and dark. It needs Chromium: Debian's package `chromium`, or any other that CHROMIUM names.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Page } from 'playwright-core';
import sharp from 'sharp';
import { openTandem } from '../src/index.ts';
import { describeSource, type Figure, type FigureSubject, figureSources, figures } from './figure-list.ts';

const root = path.join(import.meta.dirname, '..');
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

const data = await mkdtemp(path.join(tmpdir(), 'figures-'));
const tandem = await openTandem({ data, logLevel: 'silent' });
const server = await tandem.listen({ port: 0 });
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });

/** Brings what a figure shows onto a page. */
const subjects: Readonly<Record<FigureSubject, (page: Page) => Promise<unknown>>> = {
  report: (page) => page.goto(pathToFileURL(path.join(root, figureSources.report)).href),
  async studio(page) {
    await page.goto(server.address);
    await page.getByLabel('Text', { exact: true }).fill('my breakfast');
    const image = path.join(root, 'test', 'fixtures', 'encoders', 'coffee.jpg');
    await page.getByLabel('Image', { exact: true }).setInputFiles(image);
    await page.getByRole('heading', { name: 'Image and Text together' }).waitFor();
  },
};

try {
  for (const figure of figures) {
    const { width, pixelRatio = 2 } = figure;
    const page = await browser.newPage({
      viewport: { width, height: 900 },
      colorScheme: figure.scheme,
      deviceScaleFactor: pixelRatio,
    });
    await subjects[figure.subject](page);
    const png = await pack(await capture(page, figure), figure.subject);
    const file = path.join(root, figure.file);
    await writeFile(file, png);
    process.stdout.write(`${path.relative(root, file)}: ${(png.length / 1000).toFixed(0)} kB\n`);
    await page.close();
  }
} finally {
  await browser.close();
  await server.close();
  await tandem.close();
  await rm(data, { recursive: true });
}

/** The page's full width, from the top of one element to the bottom of another. */
async function capture(page: Page, { from, to, width, subject }: Figure): Promise<Buffer> {
  const [top, bottom] = await Promise.all([boxOf(page, from), boxOf(page, to)]);
  if (!top || !bottom) throw new Error(`${figureSources[subject]} has no ${top ? to : from}`);
  const margin = 20;
  const y = Math.max(0, top.y - margin);
  const clip = { x: 0, y, width, height: bottom.y + bottom.height + margin - y };
  return page.screenshot({ clip, fullPage: true });
}

/** Few colours, and where the image comes from. */
async function pack(png: Buffer, subject: FigureSubject): Promise<Buffer> {
  const ImageDescription = await describeSource(root, subject);
  return sharp(png)
    .withExif({ IFD0: { ImageDescription } })
    .png({ palette: true, colours: 64, effort: 10 })
    .toBuffer();
}

/** Where the first element of a selector stands. */
async function boxOf(page: Page, selector: string) {
  return page.locator(selector).first().boundingBox();
}
