/**
 * Builds the CPU image with Docker or Podman and prints its size by layer.
 *   npm run container                                      on Node's official image
 *   npm run container -- --node-image localhost/node-base  on another; where no registry is, base-image.sh makes one
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { table } from '../../src/cli/output.ts';
import { findBase } from './base-image.ts';
import { type ContainerEngine, callEngine, findEngine, noEngine } from './engine.ts';

/** What the image may add to its base. */
const maximumMegabytes = 250;
const root = fileURLToPath(new URL('../..', import.meta.url));

const { values } = parseArgs({
  options: {
    tag: { type: 'string', default: 'tandem' },
    'node-image': { type: 'string', default: 'node:24-bookworm-slim' },
  },
});

const engine = await findEngine();
const found = engine ? await findBase(engine, values['node-image']) : { skipped: noEngine };
if ('skipped' in found) process.stdout.write(`skipped: ${found.skipped}\n`);
else await build(engine!, found.base);

async function build(engine: ContainerEngine, base: string): Promise<void> {
  // Podman: no second sandbox around each step, and the health check, which its own format lacks.
  const options =
    engine.name === 'podman' ? ['--isolation', 'chroot', '--format', 'docker', '--network', 'host'] : [];
  const [file, ...before] = engine.command;
  const args = ['build', ...options, '--target', 'cpu', '--build-arg', `NODE_IMAGE=${base}`];
  const { status } = spawnSync(file, [...before, ...args, '--tag', values.tag, root], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);

  const baseLayers = await layers(engine, base);
  const added = (await layers(engine, values.tag)).slice(0, -baseLayers.length);
  const sum = added.reduce((total, { bytes }) => total + bytes, 0);
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
  const rows = added.filter(({ bytes }) => bytes > 0).map(({ bytes, step }) => [step, megabytes(bytes)]);
  process.stdout.write(`\n${table([['layer', 'MB'], ...rows, [`above ${base}`, megabytes(sum)]])}\n`);
  if (sum > maximumMegabytes * 1e6)
    throw new Error(
      `the image adds ${megabytes(sum)} MB to its base; at most ${maximumMegabytes} are allowed`,
    );
}

interface Layer {
  bytes: number;
  /** The line of the Dockerfile that made it. */
  step: string;
}

/** The layers of an image, the last first. */
async function layers(engine: ContainerEngine, image: string): Promise<Layer[]> {
  const format = '{{.Size}}\t{{.CreatedBy}}';
  const text = await callEngine(engine, 'history', '--no-trunc', '--format', format, image);
  return text.split('\n').map((line) => {
    const [size, createdBy] = line.split('\t');
    // Docker writes 104MB, Podman 104 MB.
    const [, number, unit] = /^([\d.]+) ?([kMG]?)B$/.exec(size)!;
    const bytes = Number(number) * { '': 1, k: 1e3, M: 1e6, G: 1e9 }[unit]!;
    const step = createdBy.replace(/^\/bin\/sh -c (#\(nop\) )?/, '').replace(/(dir|file|multi):\w+ in /, '');
    return { bytes, step: step.replace(/ # buildkit$/, '').slice(0, 60) };
  });
}
