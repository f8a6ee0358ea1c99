import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { openTandem, type TandemSettings } from '../../../src/index.ts';

/** A Tandem in an empty data folder, both gone when the test ends. */
export async function open(settings: TandemSettings = {}) {
  const data = await mkdtemp(path.join(tmpdir(), 'tandem-'));
  const tandem = await openTandem({ data, logLevel: 'silent', ...settings });
  onTestFinished(async () => {
    await tandem.close();
    await rm(data, { recursive: true, force: true });
  });
  return { data, tandem };
}
