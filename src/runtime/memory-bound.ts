import { totalmem } from 'node:os';

/**
 * Bytes that may be held of something.
 * @param memory MiB, or `auto`: a share of the memory that the machine or container has, and no less than `least` bytes
 * @example memoryBound('auto', { share: 1 / 4, least: 2 ** 30 });
 */
export function memoryBound(
  memory: number | 'auto',
  { share, least }: { share: number; least: number },
): number {
  if (memory !== 'auto') return memory * 2 ** 20;
  const available = Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());
  return Math.max(share * available, least);
}
