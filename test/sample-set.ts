import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { buildSampleSet } from '../scripts/build-sample-set.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder of the sample set. */
    sampleSet: string;
  }
}

/** Builds the sample set once for all test files, and removes it after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'sample-set-'));
  project.provide('sampleSet', folder);
  await buildSampleSet(folder);
  return () => rm(folder, { recursive: true });
}
