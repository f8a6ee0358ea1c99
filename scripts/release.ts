/**
 * Makes a release of what is committed: writes the version, the changelog and the SBOM.
 *   npm run release -- 0.2.0            then prints the git commands that remain
 *   npm run release -- 0.2.0 --commit   commits and tags as well, and leaves the push
 * Where a release is refused, no file is changed.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { releaseUnreleased } from './changelog.ts';

const changelogFile = 'CHANGELOG.md';
/** CycloneDX: the npm packages that the product runs on. */
const sbomFile = 'sbom.cdx.json';
const written = [changelogFile, 'package.json', 'package-lock.json', sbomFile];

process.chdir(path.join(import.meta.dirname, '..'));
try {
  const { values, positionals } = parseArgs({
    options: { commit: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  if (positionals.length !== 1) throw new Error('one version is required: npm run release -- 0.2.0');
  release(positionals[0], values.commit);
} catch (error) {
  process.stderr.write(`No release: ${(error as Error).message}\n`);
  process.exitCode = 1;
}

function release(version: string, commit: boolean): void {
  const { name, version: current } = readJson('package.json');
  const tag = `v${version}`;
  if (!isGreater(version, current))
    throw new Error(`version "${version}" is not greater than ${current} (three numbers, such as 0.2.0)`);
  if (run('git', 'status', '--porcelain') !== '')
    throw new Error('the working tree has changes; commit or stash them first');
  if (run('git', 'tag', '--list', tag) !== '') throw new Error(`the tag ${tag} exists already`);
  const today = new Date().toISOString().slice(0, 10);
  const changelog = releaseUnreleased(readFileSync(changelogFile, 'utf8'), version, today);

  try {
    run('npm', 'version', version, '--no-git-tag-version');
    const sbom = billOfMaterials(name);
    writeFileSync(changelogFile, changelog);
    writeFileSync(sbomFile, sbom);
  } catch (error) {
    run('git', 'checkout', '--', '.');
    throw error;
  }

  const steps = [
    ['add', ...written],
    ['commit', '--message', `Release ${version}`],
    ['tag', '--annotate', tag, '--message', `${name} ${version}`],
  ];
  const push = ['push', '--follow-tags'];
  if (commit) for (const step of steps) run('git', ...step);
  const left = commit ? [push] : [...steps, push];
  process.stdout.write(`${name} ${version}: ${written.join(', ')}\n\nNow:\n`);
  for (const step of left) process.stdout.write(`  git ${step.map(quoted).join(' ')}\n`);
}

/**
 * The SBOM of what package-lock.json pins for production, on every platform. It is made in a folder without development's
 * packages: `npm sbom --omit dev` also leaves out packages that both need.
 */
function billOfMaterials(name: string): string {
  const scratch = mkdtempSync(path.join(tmpdir(), 'release-'));
  try {
    // npm names the product after its folder.
    const folder = path.join(scratch, name);
    mkdirSync(folder);
    const lock = readJson('package-lock.json');
    const packages: [string, { dev?: boolean; link?: boolean }][] = Object.entries(lock.packages);
    lock.packages = Object.fromEntries(packages.filter(([, { dev, link }]) => !dev && !link));
    delete lock.packages[''].devDependencies;
    const { devDependencies: _, ...description } = readJson('package.json');
    writeFileSync(path.join(folder, 'package.json'), JSON.stringify(description));
    writeFileSync(path.join(folder, 'package-lock.json'), JSON.stringify(lock));
    const flags = ['--sbom-format', 'cyclonedx', '--package-lock-only', '--prefix', folder];
    return `${run('npm', 'sbom', ...flags)}\n`;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** Of two versions of three numbers: whether the first is greater. What isn't a version is not. */
function isGreater(version: string, than: string): boolean {
  const form = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/;
  const [left, right] = [version, than].map((text) => form.exec(text)?.slice(1).map(Number));
  if (!left || !right) return false;
  const index = left.findIndex((part, at) => part !== right[at]);
  return index !== -1 && left[index] > right[index];
}

function readJson(file: string) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** @throws Error with what the command printed, where it fails */
function run(command: string, ...args: string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Error(stderr?.trim() || message);
  }
}

function quoted(word: string): string {
  return /^[\w./-]+$/.test(word) ? word : `'${word}'`;
}
