import { cpus } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import type { EncoderOptions } from '../encoders/encoders.ts';
import { pretrainedNames } from '../modalities/registry.ts';
import { readJsonFile, writeJsonFile } from '../store/files/json-file.ts';

/** What a tuning holds for: on another machine, with other threads or encoders, it means nothing. */
const machineSchema = z.object({
  processor: z.string(),
  threads: z.int(),
  provider: z.string(),
  encoders: z.array(z.string()),
});

const tuningSchema = z.object({
  format: z.literal(1),
  machine: machineSchema,
  measuredAt: z.iso.datetime(),
  engines: z.int().positive(),
  /** The most that a batch of each modality costs. */
  budgets: z.record(z.enum(pretrainedNames), z.int().positive()),
  measurements: z.array(z.record(z.string(), z.unknown())),
});

type StoredTuning = z.infer<typeof tuningSchema>;

/** Where a tuning lies; people may change it. */
export function tuningFile(data: string): string {
  return path.join(data, 'tuning.json');
}

/** What holds for this machine now. */
export function thisMachine({ threads, provider, encoders }: EncoderOptions): StoredTuning['machine'] {
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    threads,
    provider,
    encoders: pretrainedNames.map((name) => encoders[name].map((folder) => path.basename(folder)).join('+')),
  };
}

export function writeTuning(data: string, tuning: StoredTuning): Promise<void> {
  return writeJsonFile(tuningFile(data), tuning);
}

/**
 * The tuning of a data folder, where it was measured on this machine with these settings.
 * @throws TandemError `damaged-artifact` where the file is no tuning
 */
export async function readTuning(data: string, options: EncoderOptions): Promise<StoredTuning | undefined> {
  const tuning = await readJsonFile(
    tuningFile(data),
    tuningSchema,
    'is no tuning',
    'Delete it, or run `tune` again.',
  );
  const isOfHere = JSON.stringify(tuning?.machine) === JSON.stringify(thisMachine(options));
  return isOfHere ? tuning : undefined;
}
