import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/** Runs before the product is loaded: the machine seems to have 13 cores. */
const thirteenCores = `
  import os from 'node:os';
  import { syncBuiltinESMExports } from 'node:module';
  os.availableParallelism = () => 13;
  syncBuiltinESMExports();`;

const countThreads = `
  import { readdirSync, readFileSync } from 'node:fs';
  import { stat } from 'node:fs/promises';
  await import(process.argv[1]);
  await Promise.all(Array.from({ length: 64 }, () => stat('.')));
  const names = readdirSync('/proc/self/task').map((id) => readFileSync('/proc/self/task/' + id + '/comm', 'utf8'));
  console.log(names.filter((name) => name.startsWith('libuv')).length);
  process.exit();`;

it.runIf(process.platform === 'linux')(
  'decodes as many images at a time as the machine has cores, or as the environment says',
  async () => {
    const threads = async (environment: NodeJS.ProcessEnv) => {
      const { UV_THREADPOOL_SIZE: _, ...env } = process.env;
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [
          ...['--import', `data:text/javascript,${encodeURIComponent(thirteenCores)}`],
          ...['--input-type=module', '--eval', countThreads],
          // It loads all that a server loads.
          path.join(import.meta.dirname, '../../../../src/cli/serve.ts'),
        ],
        { env: { ...env, ...environment } },
      );
      return Number(stdout);
    };
    expect(await threads({})).toBe(13);
    expect(await threads({ UV_THREADPOOL_SIZE: '6' })).toBe(6);
  },
);
