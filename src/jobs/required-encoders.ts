import { encodersIn } from '../encoders/reference.ts';
import type { JobTask, RequiredEncoders } from './task.ts';

/** The encoders of a server, as its jobs name them. */
export interface JobEncoders {
  /** Those of a job that names none. */
  readonly defaults: RequiredEncoders;
  /**
   * The encoders that names stand for, by modality.
   * @throws TandemError `unknown-encoder`
   */
  named(names: Readonly<Record<string, string>>): Promise<RequiredEncoders>;
  /** Whether the encoder with a fingerprint is installed. */
  has(fingerprint: string): Promise<boolean>;
}

/** Characters of a fingerprint that tell encoders of the same name apart. */
const shownCharacters = 8;

/**
 * Why a server leaves a job to others; undefined where it has the encoders that the job requires.
 * @example await misfitOf(task, encoders); // 'it waits for a server that has mpnet (0a1b2c3d)'
 */
export async function misfitOf(
  { encoders = {} }: JobTask,
  { has }: Pick<JobEncoders, 'has'>,
): Promise<string | undefined> {
  const lacking: string[] = [];
  for (const { id, fingerprint } of Object.values(encoders).flatMap(encodersIn))
    if (!(await has(fingerprint))) lacking.push(`${id} (${fingerprint.slice(0, shownCharacters)})`);
  return lacking.length === 0 ? undefined : `it waits for a server that has ${lacking.join(' and ')}`;
}
