import path from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { runForJson } from '../e2e/server.ts';
import { folder, hasBrowser, open, overflows, serve, violations } from './browser.ts';

const hostile = '<img src=x onerror="document.title=`run`"><script>document.title="run"</script>';

let photo: string;
beforeAll(async () => {
  if (!hasBrowser) return;
  photo = path.join(folder, `${'<b>photo<'}.jpg`);
  await sharp({ create: { width: 96, height: 64, channels: 3, background: '#d33' } })
    .jpeg()
    .toFile(photo);
});

describe.runIf(hasBrowser)('the page at /', () => {
  it('answers from a text and an image, without one of them, and says what the answer rests on', async () => {
    const { address } = await serve('open', '--base-path', '/tandem');
    const page = await open(`${address}/tandem`);
    await page.getByLabel('Text', { exact: true }).fill('a slice of pizza with cheese');
    await page.getByRole('heading', { name: 'Text alone' }).waitFor();
    const first = page.locator('.bars').first().locator('li').first();
    expect(await first.textContent()).toContain('food-drink');
    expect(await page.getByText(/ ms in all: /).count()).toBe(1);

    await page.getByLabel('Image', { exact: true }).setInputFiles(photo);
    await page.getByRole('heading', { name: 'Image and Text together' }).waitFor();
    expect(await page.getByRole('heading', { name: 'Image alone' }).count()).toBe(1);
    await page.getByLabel('Use the text').uncheck();
    await page.getByRole('heading', { name: 'Image and Text together' }).waitFor({ state: 'detached' });
    expect(await page.getByRole('heading', { name: 'Image alone' }).count()).toBe(1);
    await page.getByLabel('Use the text').check();
    await page.getByRole('heading', { name: 'Image and Text together' }).waitFor();

    await page.getByRole('button', { name: 'Explain this answer' }).click();
    await page.getByRole('heading', { name: /rests on/ }).waitFor();
    expect(await page.locator('.picture rect').count()).toBeGreaterThan(3);
    expect(await page.locator('.words mark').count()).toBeGreaterThan(3);
    for (const language of ['TypeScript', 'Python', 'curl']) {
      await page.getByRole('button', { name: language }).click();
      expect(await page.locator('pre').textContent()).toContain(`${address}/tandem/`);
    }
    expect(await violations(page)).toEqual([]);
  });

  it('shows hostile names and texts as what they are', async () => {
    const { address } = await serve('hostile');
    const page = await open(address);
    await page.getByLabel('Text', { exact: true }).fill(hostile);
    await page.getByLabel('Image', { exact: true }).setInputFiles(photo);
    await page.getByRole('heading', { name: 'Image and Text together' }).waitFor();
    await page.getByRole('button', { name: 'Explain this answer' }).click();
    await page.locator('.words mark').first().waitFor();
    expect(await page.locator('.words').textContent()).toContain(hostile);
    expect(await page.getByText('<b>photo<.jpg', { exact: true }).count()).toBe(1);
    expect(await page.title()).not.toContain('run');
    const { headers } = await fetch(address, { headers: { Accept: 'text/html' } });
    expect(headers.get('Content-Security-Policy')).toMatch(/default-src 'none'; script-src 'self';/);
  });

  it('fits every width and breaks no rule of accessibility, light and dark', async () => {
    const { address } = await serve('widths');
    const shapes = [360, 1280, 1920].flatMap((width) =>
      (['light', 'dark'] as const).map((colorScheme) => ({ width, colorScheme })),
    );
    for (const { width, colorScheme } of shapes) {
      const page = await open(address, {
        viewport: { width, height: 900 },
        colorScheme,
        reducedMotion: 'reduce',
      });
      await page.getByLabel('Text', { exact: true }).fill('a dog in the snow');
      await page.getByRole('heading', { name: 'Text alone' }).waitFor();
      expect(await violations(page), `${width}, ${colorScheme}`).toEqual([]);
      expect(await overflows(page), `${width}, ${colorScheme}`).toBe(false);
      const { STUDIO_PICTURES: pictures } = process.env;
      if (pictures)
        await page.screenshot({ path: path.join(pictures, `${width}-${colorScheme}.png`), fullPage: true });
    }
  });

  it('asks for a key once, survives a reload, and signs out', async () => {
    const data = path.join(folder, 'keys');
    const { value } = await runForJson(data, 'keys', 'create', 'shop', '--scope', 'train');
    const { address } = await serve('keys');
    const page = await open(address);
    await page.getByLabel('Key').fill('tandem_wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByLabel('Key').fill(value.secret);
    await page.keyboard.press('Enter');
    await page.getByText('shop (train)').waitFor();
    await page.getByLabel('Text', { exact: true }).fill('a slice of pizza');
    await page.getByRole('heading', { name: 'Text alone' }).waitFor();
    // No script can read the session.
    expect(await page.evaluate('document.cookie')).toBe('');
    await page.reload();
    await page.getByText('shop (train)').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Key').waitFor();
    await page.reload();
    await page.getByLabel('Key').waitFor();
  });
});
