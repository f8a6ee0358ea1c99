import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkDataset, readDataset } from '../../../src/datasets/dataset.ts';
import { FetchedFiles } from '../../../src/datasets/fetched-files.ts';
import { folderWith, image, temporaryFolder } from '../../unit/datasets/sample.ts';
import { open } from '../app/open-tandem.ts';

/** A server of images by their number; others are not found. It counts what it is asked for. */
async function imageServer() {
  const asked: string[] = [];
  const server = createServer(async ({ url = '' }, response) => {
    asked.push(url);
    const number = /^\/(\d+)\.png$/.exec(url)?.[1];
    response.writeHead(number === undefined ? 404 : 200);
    response.end(number === undefined ? 'nothing' : await image(Number(number)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const options = { maximumBytes: 1e6, timeout: 5000, ports: [port], isAllowed: () => true };
  return { asked, address: `http://127.0.0.1:${port}`, options };
}

describe('images that a table has by their addresses', () => {
  it('are downloaded once, whatever rows name them, and found by the next process', async () => {
    const { asked, address, options } = await imageServer();
    const cache = path.join(await temporaryFolder(), 'fetched');
    const rows = [0, 1, 2, 3, 0].map((number, row) => `${address}/${number}.png,${row < 2 ? 'a' : 'b'}`);
    const folder = await folderWith({ 'metadata.csv': `image_url,label\n${rows.join('\n')}\n` });
    const read = (files: FetchedFiles) => {
      const progress: number[] = [];
      return readDataset(folder, {
        imageColumn: 'image_url',
        fetchFile: (each) => files.find(each),
        onFetched: (done, total) => progress.push(done / total),
      }).then((dataset) => ({ dataset, progress }));
    };
    const { dataset, progress } = await read(new FetchedFiles(cache, options));
    expect(dataset.examples).toHaveLength(5);
    expect(asked.toSorted()).toEqual(['/0.png', '/1.png', '/2.png', '/3.png']);
    expect(progress).toEqual([0.25, 0.5, 0.75, 1]);
    expect((await read(new FetchedFiles(cache, options))).dataset.hash).toBe(dataset.hash);
    expect(asked).toHaveLength(4);
  });

  it('are problems of their rows where they cannot be had, and nothing of these stays', async () => {
    const { address, options } = await imageServer();
    const cache = path.join(await temporaryFolder(), 'fetched');
    const names = ['0.png', '1.png', '2.png', '3.png', 'gone.png'];
    const rows = names.map((name, row) => `${address}/${name},${row % 2}`);
    const folder = await folderWith({ 'metadata.csv': `image,label\n${rows.join('\n')}\n` });
    const files = new FetchedFiles(cache, options);
    const check = await checkDataset(folder, { skipBadRows: true, fetchFile: (each) => files.find(each) });
    expect(check.problems).toEqual([]);
    expect(check.leftOut).toEqual([
      { at: 'metadata.csv row 6', detail: `${address}/gone.png: it answers with status 404` },
    ]);
    expect(check.dataset?.examples).toHaveLength(4);
    const small = new FetchedFiles(cache, { ...options, maximumBytes: 10 });
    expect(await small.find(`${address}/9.png`)).toMatchObject({
      problem: expect.stringContaining('larger than 10'),
    });
    const kept = (await readdir(cache, { recursive: true })).filter((name) => name.includes(path.sep));
    expect(kept).toHaveLength(4);
    const found = await files.find(`${address}/0.png`);
    expect('path' in found && (await readFile(found.path)).equals(await image(0))).toBe(true);
  });

  it('are refused without being asked for, with the flag; and inside the own network with it', async () => {
    const { asked, address } = await imageServer();
    const folder = await folderWith({ 't.csv': `image,label\n${address}/1.png,a\n` });
    const { tandem } = await open();
    const detailsOf = async (fetchImages: boolean) => {
      const { problems } = await tandem.datasets.check(path.join(folder, 't.csv'), { fetchImages });
      return problems.map(({ detail }) => detail);
    };
    expect(await detailsOf(false)).toContain(
      `"${address}/1.png" is an address, which only --fetch-images of the command line downloads`,
    );
    expect(await detailsOf(true)).toContainEqual(expect.stringMatching(/port \d+ is not allowed/));
    expect(asked).toEqual([]);
  });
});
