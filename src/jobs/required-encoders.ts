import type { JobTask, RequiredEncoders } from './task.ts';

/** Characters of a fingerprint that tell encoders of the same name apart. */
const shownCharacters = 8;

/**
 * Why a server leaves a job to others; undefined where its encoders are those that the job requires.
 * @example misfitOf(task, { text: { id: 'minilm', fingerprint: '0a1b…' } })
 */
export function misfitOf({ encoders }: JobTask, own: RequiredEncoders): string | undefined {
  if (!encoders || isSame(encoders, own)) return undefined;
  return `it waits for a server with the encoders ${describe(encoders)}; one with ${describe(own)} leaves it`;
}

function isSame(some: RequiredEncoders, others: RequiredEncoders): boolean {
  const modalities = new Set([...Object.keys(some), ...Object.keys(others)]);
  return [...modalities].every((name) => some[name]?.fingerprint === others[name]?.fingerprint);
}

function describe(encoders: RequiredEncoders): string {
  const named = Object.values(encoders).map(
    ({ id, fingerprint }) => `${id} (${fingerprint.slice(0, shownCharacters)})`,
  );
  return named.join(' and ') || 'none';
}
