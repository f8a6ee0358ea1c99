import { TandemError } from '../errors.ts';
import type { RegisteredHead } from '../heads/registry/head-reading.ts';
import type { DamagedHead } from '../protocols/pipeline/services.ts';

/**
 * Reads what every head says of itself; damaged ones are reported apart.
 * @example const { heads, damaged } = readEach(await registry.list(), (head) => parseHeadManifest(head.manifest, head.name));
 */
export function readEach<Read>(
  heads: readonly RegisteredHead[],
  read: (head: RegisteredHead) => Read,
): { heads: Read[]; damaged: DamagedHead[] } {
  const [readable, damaged]: [Read[], DamagedHead[]] = [[], []];
  for (const head of heads)
    try {
      readable.push(read(head));
    } catch (error) {
      if (!(error instanceof TandemError)) throw error;
      damaged.push({ name: head.name, version: head.version, problem: error.message });
    }
  return { heads: readable, damaged };
}
