import { execFile } from 'node:child_process';
import { cpus } from 'node:os';
import { promisify } from 'node:util';
import type { Provider } from '../../src/runtime/protocol.ts';

const run = promisify(execFile);

async function askDriver(query: string): Promise<string | undefined> {
  const args = [`--query-gpu=${query}`, '--format=csv,noheader,nounits', '--id=0'];
  return run('nvidia-smi', args).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
}

/** What a provider computes on, for the record: name, driver and memory of the GPU, or the processor. */
export async function deviceName(provider: Provider): Promise<string> {
  if (provider === 'cpu') return cpus()[0]?.model ?? 'unknown processor';
  return (await askDriver('name,driver_version,memory.total')) ?? 'a CUDA device (nvidia-smi is not here)';
}

/** MiB of the first GPU that are in use, by anyone; undefined where the driver's tool is not here. */
export async function usedDeviceMemory(): Promise<number | undefined> {
  const used = Number(await askDriver('memory.used'));
  return Number.isFinite(used) ? used : undefined;
}

/** Whether CUDA may round the factors of matrix products to 10 bits (TF32), which costs about three decimal digits. */
export const roundsFactors = process.env.NVIDIA_TF32_OVERRIDE !== '0';
