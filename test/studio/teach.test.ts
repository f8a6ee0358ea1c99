import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { form, runForJson, sampleArchive, smallSample } from '../e2e/server.ts';
import { folder, hasBrowser, open, overflows, serve, violations } from './browser.ts';

const hostile = '<img src=x onerror="document.title=`run`">';

/** Image files of three groups of the sample set, twelve of each. */
async function imagesOfThreeGroups(): Promise<string[][]> {
  const sample = path.join(folder, 'three');
  await smallSample(sample, 3, 12);
  const lines = (await readFile(path.join(sample, 'metadata.jsonl'), 'utf8')).trim().split('\n');
  const rows: { file_name: string; label: string }[] = lines.map((line) => JSON.parse(line));
  const groups = Map.groupBy(rows, ({ label }) => label);
  return [...groups.values()].map((group) => group.map((row) => path.join(sample, row.file_name)));
}

describe.runIf(hasBrowser)('the page that teaches', () => {
  it('makes a head of images dropped onto three labels, followed by a second browser, and ships it', async () => {
    const { address } = await serve('three-labels');
    const page = await open(address, { viewport: { width: 360, height: 900 } });
    await page.getByRole('link', { name: 'Teach' }).click();
    const labels = ['objects', 'food', hostile];
    const groups = await imagesOfThreeGroups();
    for (const [index, label] of labels.entries()) {
      await page.getByLabel('New label').fill(label);
      await page.keyboard.press('Enter');
      await page.getByLabel(`Images of “${label}”`).setInputFiles(groups[index] ?? []);
    }
    const broken = path.join(folder, 'broken.png');
    await writeFile(broken, 'no image');
    await page.getByLabel('Images of “food”').setInputFiles(broken);
    await page.getByRole('button', { name: 'Check the examples' }).click();
    await page.getByRole('alert').waitFor();
    expect(await page.locator('.problems').textContent()).toContain('broken.png');
    expect(await page.getByRole('button', { name: 'Train' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Leave out the rows with problems' }).click();
    await page.getByText('36 examples, 3 labels').waitFor();
    await page.getByText('1 row is left out').waitFor();
    expect(await page.locator('tbody').textContent()).toContain(hostile);
    expect(await violations(page)).toEqual([]);

    await page.getByLabel('Name of the head').fill('mine');
    await page.getByRole('button', { name: 'Train' }).click();
    await page.getByRole('heading', { name: 'Training of mine' }).waitFor();
    await page.reload();
    await page.getByRole('status').getByText('Ready').waitFor();
    await page.getByRole('img', { name: /^Loss over/ }).waitFor();
    expect(await violations(page)).toEqual([]);
    expect(await overflows(page)).toBe(false);
    if (process.env.STUDIO_PICTURES)
      await page.screenshot({ path: path.join(process.env.STUDIO_PICTURES, 'teach.png'), fullPage: true });
    const second = await open(`${address}/#teach`);
    await second.getByRole('img', { name: /^Loss over/ }).waitFor();

    await page.getByRole('link', { name: 'Try it' }).click();
    await page.getByLabel('Head').selectOption('mine');
    await page.getByLabel('Image', { exact: true }).setInputFiles(groups[0]?.[0] ?? '');
    await page.getByRole('heading', { name: 'Image alone' }).waitFor();
    await page.locator('.bars').first().getByText(hostile, { exact: true }).waitFor();
    expect(await page.title()).not.toContain('run');

    await page.getByRole('link', { name: 'Ship' }).click();
    const mine = page.getByRole('region', { name: 'mine' });
    await mine.getByRole('button', { name: 'Move production here: version 1' }).click();
    await mine.getByText('production stands for version 1.').waitFor();
    const { aliases } = await (await fetch(`${address}/v1/heads/mine`)).json();
    expect(aliases).toEqual({ production: 1 });
    expect(await violations(page)).toEqual([]);
    const exported = page.waitForEvent('download');
    await mine.getByRole('link', { name: 'Export version 1' }).click();
    const download = await exported;
    expect(download.suggestedFilename()).toMatch(/^mine.*\.tar$/);

    const body = await form({}, { file: await download.path() });
    expect((await fetch(`${address}/v1/heads`, { method: 'POST', body })).status).toBe(201);
    await page.reload();
    await mine.getByRole('button', { name: 'Move production here: version 2' }).click();
    await mine.getByText('production stands for version 2.').waitFor();
    await mine.getByRole('button', { name: 'Roll back' }).click();
    await mine.getByText('production stands for version 1.').waitFor();
  });

  it('takes a zip, and cancels', async () => {
    const archive = await sampleArchive(folder, 3, 30);
    const { address } = await serve('a-zip');
    const page = await open(`${address}/#teach`);
    await page.getByLabel('A zip, a tar or a table').setInputFiles(archive);
    await page.getByText('90 examples, 3 labels').waitFor();
    await page.getByLabel('Name of the head').fill('stopped');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('status').getByText('Cancelled').waitFor();
  });

  it('is not offered to a key that may only predict', async () => {
    const data = path.join(folder, 'predict-only');
    const { value } = await runForJson(data, 'keys', 'create', 'shop', '--scope', 'predict');
    const { address } = await serve('predict-only');
    const page = await open(`${address}/#teach`);
    await page.getByLabel('Key').fill(value.secret);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Try a head' }).waitFor();
    expect(await page.getByRole('link', { name: 'Teach' }).count()).toBe(0);
  });
});
