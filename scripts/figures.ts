/**
 * `npm run figures`: makes the images in docs/ of the ready head's report, as a browser shows it, light and dark.
 * It needs Chromium: Debian's package `chromium`, or any other that CHROMIUM names.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Page } from 'playwright-core';
import sharp from 'sharp';
import { describeSource, type Figure, figureSource, figures } from './figure-list.ts';

const root = path.join(import.meta.dirname, '..');
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  for (const figure of figures) {
    const { width } = figure;
    const page = await browser.newPage({
      viewport: { width, height: 900 },
      colorScheme: figure.scheme,
      deviceScaleFactor: 2,
    });
    await page.goto(pathToFileURL(path.join(root, figureSource)).href);
    const png = await pack(await capture(page, figure));
    const file = path.join(root, figure.file);
    await writeFile(file, png);
    process.stdout.write(`${path.relative(root, file)}: ${(png.length / 1000).toFixed(0)} kB\n`);
    await page.close();
  }
} finally {
  await browser.close();
}

/** The page's full width, from the top of one element to the bottom of another. */
async function capture(page: Page, { from, to, width }: Figure): Promise<Buffer> {
  const [top, bottom] = await Promise.all([boxOf(page, from), boxOf(page, to)]);
  if (!top || !bottom) throw new Error(`${figureSource} has no ${top ? to : from}`);
  const margin = 20;
  const y = Math.max(0, top.y - margin);
  const clip = { x: 0, y, width, height: bottom.y + bottom.height + margin - y };
  return page.screenshot({ clip, fullPage: true });
}

/** Few colours, and where the image comes from. */
async function pack(png: Buffer): Promise<Buffer> {
  const ImageDescription = describeSource(await readFile(path.join(root, figureSource)));
  return sharp(png)
    .withExif({ IFD0: { ImageDescription } })
    .png({ palette: true, colours: 64, effort: 10 })
    .toBuffer();
}

/** Where the first element of a selector stands. */
async function boxOf(page: Page, selector: string) {
  return page.locator(selector).first().boundingBox();
}
