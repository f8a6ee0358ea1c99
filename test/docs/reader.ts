import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import type { TestContext } from 'vitest';
import { freePort } from '../free-port.ts';
import { type Page, repositoryFiles, root } from './page.ts';

/**
 * Does what a page says from its first line to its last, as a reader in a fresh clone would: a block that names a file
 * is written to it, a block of shell commands is run. All of a page is one shell, so variables last. A failing command,
 * an HTTP status of 400 or above and an unset variable end it.
 * @returns the exit code, and what was printed, each block's output below its first line
 */
export async function follow(
  page: Page,
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
): Promise<{ code: number | null; output: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'reader-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await fill(folder);
  const [port, grpcPort] = [await freePort(), await freePort()].map(String);
  const steps = page.blocks
    .filter(({ exception }) => exception === undefined)
    .flatMap(({ language, file, text, line }) => {
      const content = text.replaceAll('8080', port).replaceAll('8081', grpcPort);
      const said = `echo "── ${page.path}:${line}, after $SECONDS s"`;
      if (file !== undefined)
        return [
          said,
          `mkdir -p ${quote(path.dirname(file))}; printf '%s\\n' ${quote(content)} > ${quote(file)}`,
        ];
      return language === 'sh'
        ? [said, content.replaceAll(/^(npm start|npm run .*tandem -- serve)/gm, 'in_background $1')]
        : [];
    });
  const script = [prelude, ...steps].join('\n');
  // Settings of the person who runs the tests are not the reader's.
  const inherited = Object.entries(process.env).filter(([name]) => !/^(npm_|TANDEM_)/i.test(name));
  const env = { ...Object.fromEntries(inherited), TANDEM_PORT: port };
  const child = spawn('bash', ['-c', script], { cwd: folder, env, detached: true });
  // Servers included that a broken script has left.
  onTestFinished(() => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // All have ended.
    }
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
    });
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve));
  return { code, output };
}

/** `npm ci` is what CI begins with. A server goes on while the reader types into another terminal, until the next one starts. */
const prelude = `
set -euo pipefail
npm() { if [ "$1" = ci ]; then echo installed; else command npm "$@"; fi; }
curl() { command curl --silent --show-error --fail-with-body "$@"; }
server=
stop() { if [ -n "$server" ]; then kill -TERM "$server" && wait "$server" || true; server=; fi; }
trap stop EXIT
in_background() {
  stop
  command "$@" > server.log 2>&1 & server=$!
  for _ in $(seq 300); do
    if command curl --silent --fail "127.0.0.1:$TANDEM_PORT/readyz" > /dev/null; then return; fi
    kill -0 "$server" 2> /dev/null || break
    sleep 0.2
  done
  cat server.log; return 1
}
`;

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Makes a folder look like a clone, with a reader's own images in it. What a server writes stays there. */
async function fill(folder: string): Promise<void> {
  const files = [...(await repositoryFiles()), 'node_modules'];
  for (const entry of new Set(files.map((file) => file.split('/')[0] ?? file)))
    await symlink(path.join(root, entry), path.join(folder, entry));
  await animals(path.join(folder, 'photos'), 0, 20);
  await animals(path.join(folder, 'photos-of-june'), 20, 10);
  await writeFile(path.join(folder, 'cat.jpg'), await image('cat', 99));
}

const colours = { cat: { r: 200, g: 120, b: 40 }, dog: { r: 60, g: 90, b: 160 } };
const places = ['on the sofa', 'in the garden', 'under the table', 'on the stairs', 'at the window'];
const habits = {
  cat: ['asleep', 'purring', 'hunting a mouse'],
  dog: ['barking', 'fetching a stick', 'on a leash'],
};

/** A dataset of two labels in the usual layout. */
async function animals(folder: string, from: number, perLabel: number): Promise<void> {
  await mkdir(folder);
  const rows = ['file_name,text,label'];
  for (let index = from; index < from + perLabel; index++)
    for (const label of ['cat', 'dog'] as const) {
      const name = `${label}-${index}.jpg`;
      await writeFile(path.join(folder, name), await image(label, index));
      rows.push(`${name},${habits[label][index % 3]} ${places[index % 5]} ${index},${label}`);
    }
  await writeFile(path.join(folder, 'metadata.csv'), `${rows.join('\n')}\n`);
}

/** Stripes, no two images alike. */
function image(label: keyof typeof colours, index: number): Promise<Buffer> {
  const { r, g, b } = colours[label];
  const bars = Array.from({ length: 6 }, (_, bar) => {
    const [x, width] = [(bar * 37 + index * 53) % 200, 5 + ((index * 7 + bar * 11) % 30)];
    return `<rect x="${x}" width="${width}" height="224" fill="hsl(${(index * 47 + bar * 90) % 360} 60% 50%)"/>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="224" height="224"><rect width="224" height="224" fill="rgb(${r},${g},${b})"/>${bars.join('')}</svg>`;
  return sharp(Buffer.from(svg)).jpeg().toBuffer();
}
