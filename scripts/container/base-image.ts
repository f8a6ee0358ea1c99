import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ContainerEngine, callEngine, hasImage, limits, works } from './engine.ts';

/** What base-image.sh makes where no registry can be reached. */
const standIn = 'localhost/node-base';

/**
 * The image to build on: the one asked for, or a stand-in of Debian's packages where no registry has it for us; and one
 * that this machine can really run.
 * @returns its name, or `skipped`: what this machine lacks
 * @example const base = await findBase(engine, 'node:24-bookworm-slim');
 */
export async function findBase(
  engine: ContainerEngine,
  asked: string,
): Promise<{ base: string } | { skipped: string }> {
  const [file, ...before] = engine.command;
  const isThere = (await hasImage(engine, asked)) || (await works(file, ...before, 'pull', '--quiet', asked));
  const base = isThere ? asked : standIn;
  if (!isThere && !(await hasImage(engine, standIn))) {
    const reason = await makeStandIn(engine, asked);
    if (reason !== undefined) return { skipped: reason };
  }
  const trial = ['run', '--rm', '--network', 'none', ...limits, base, 'node', '--version'];
  const refusal = await callEngine(engine, ...trial).then(
    () => undefined,
    ({ message }: Error) => message.trim().split('\n').at(-1),
  );
  return refusal === undefined ? { base } : { skipped: `${engine.name} runs no containers here: ${refusal}` };
}

/** @returns why it can't be made */
async function makeStandIn(engine: ContainerEngine, asked: string): Promise<string | undefined> {
  const lacking = [
    ...(process.getuid?.() === 0 ? [] : ['root']),
    ...((await works('debootstrap', '--version')) ? [] : ['debootstrap (apt-get install debootstrap)']),
  ];
  if (lacking.length > 0)
    return `${asked} cannot be fetched, and its stand-in of Debian's packages needs ${lacking.join(' and ')}`;
  process.stdout.write(`${asked} cannot be fetched here; building ${standIn} of Debian's packages\n`);
  const script = fileURLToPath(new URL('base-image.sh', import.meta.url));
  const { status, stderr } = spawnSync(script, [engine.command[0], standIn], { encoding: 'utf8' });
  if (status === 0) return undefined;
  return `${asked} cannot be fetched, and its stand-in cannot be made: ${stderr.trim().split('\n').slice(-3).join('; ')}`;
}
