import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { openArtifacts } from '../../src/store/artifacts/open-artifacts.ts';
import type { Scene } from './scene.ts';

/** Milliseconds after which nobody can be at work any more on what a crash left. */
const later = 2 * 24 * 3_600_000;

/**
 * Starts the server as it will be in two days, and sees that what the kills have left is gone: of everything that is kept
 * there is as much as is known of.
 */
export async function expectNoLeftovers({ place, server, ledgers }: Scene): Promise<void> {
  const { data, objects } = place;
  const { datasets, jobs, heads } = ledgers;
  await server.stop();
  await server.start(later);
  const artifacts = await openArtifacts(data, objects?.place);
  const { heads: listed } = await server.client.expect(200, 'GET', '/v1/heads');
  const jobHeads = listed.filter(({ name }: { name: string }) => jobs.heads.includes(name)).length;
  const counted = async () => {
    const keys: string[] = [];
    for (const kind of ['heads', 'datasets', 'images'])
      for await (const { key } of artifacts.list(kind)) keys.push(key);
    const of = (kind: string, depth: number) =>
      new Set(
        keys
          .filter((key) => key.startsWith(`${kind}/`))
          .map((key) => key.split('/').slice(0, depth).join('/')),
      ).size;
    return { versions: of('heads', 3), datasets: of('datasets', 3), images: of('images', 3) };
  };
  const expected = {
    versions: heads.versions + jobHeads,
    datasets: datasets.ids.length,
    images: datasets.images,
  };
  await expect.poll(counted, { timeout: 30_000 }).toEqual(expected);
  const hidden = async () => {
    const all = await readdir(data, { recursive: true });
    return all.filter((name) => path.basename(name).startsWith('.'));
  };
  await expect.poll(hidden, { timeout: 30_000 }).toEqual([]);
}
