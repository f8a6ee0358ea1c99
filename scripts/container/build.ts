/**
 * Builds the CPU image with Docker or Podman and prints its size by layer.
 *   npm run container                                      on Node's official image
 *   npm run container -- --node-image localhost/node-base  on another; base-image.sh makes one without a registry
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { table } from '../../src/commands/output.ts';
import { type ContainerEngine, callEngine, findEngine } from './engine.ts';

/** What the image may add to its base. */
const maximumMegabytes = 450;
const standIn = 'localhost/node-base';
const root = fileURLToPath(new URL('../..', import.meta.url));

const { values } = parseArgs({
  options: {
    tag: { type: 'string', default: 'tandem' },
    'node-image': { type: 'string', default: 'node:24-bookworm-slim' },
  },
});

const engine = await findEngine();
if (engine) await build(engine);
else process.stdout.write('skipped: neither docker nor podman works here\n');

async function build(engine: ContainerEngine): Promise<void> {
  const base = await baseImage(engine, values['node-image']);
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

/** The image to build on: the one asked for, or a stand-in where no registry has it for us. */
async function baseImage(engine: ContainerEngine, asked: string): Promise<string> {
  const there = (image: string, command: string[]) =>
    callEngine(engine, ...command, image).then(
      () => true,
      () => false,
    );
  const inspect = ['image', 'inspect'];
  if ((await there(asked, inspect)) || (await there(asked, ['pull', '--quiet']))) return asked;
  if (await there(standIn, inspect)) return standIn;
  process.stdout.write(`${asked} cannot be fetched here; building ${standIn} from Debian's packages\n`);
  execFileSync(fileURLToPath(new URL('base-image.sh', import.meta.url)), [engine.command[0], standIn], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return standIn;
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
