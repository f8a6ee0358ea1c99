import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { releaseUnreleased } from '../../scripts/changelog.ts';
import { type ScratchClone, scratchClone } from './scratch-clone.ts';

const written = ['CHANGELOG.md', 'package-lock.json', 'package.json', 'sbom.cdx.json'];

const release = ({ run }: ScratchClone, ...args: string[]) =>
  run('npm', 'run', '-s', 'release', '--', ...args);

async function read({ folder }: ScratchClone, file: string) {
  const text = await readFile(path.join(folder, file), 'utf8');
  return file.endsWith('.json') ? JSON.parse(text) : text;
}

async function changedFiles({ run }: ScratchClone): Promise<string[]> {
  const { stdout } = await run('git', 'status', '--porcelain');
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => line.slice(3));
}

it('writes version, changelog and SBOM, and prints the git commands that remain', async () => {
  const clone = await scratchClone();
  const { stdout } = await release(clone, '1.20.0');
  expect((await changedFiles(clone)).sort()).toEqual(written);
  expect((await read(clone, 'package.json')).version).toBe('1.20.0');
  const lock = await read(clone, 'package-lock.json');
  expect([lock.version, lock.packages[''].version]).toEqual(['1.20.0', '1.20.0']);
  const today = new Date().toISOString().slice(0, 10);
  expect(await read(clone, 'CHANGELOG.md')).toMatch(
    `## [Unreleased]\n\n## [1.20.0] - ${today}\n\n### Added\n`,
  );
  await clone.run('npm', 'run', '-s', 'check:code');
  // The commands do what they say.
  const commands = stdout.split('\n').filter((line) => line.startsWith('  git '));
  for (const command of commands.slice(0, -1)) await clone.run('sh', '-c', command);
  expect(commands.at(-1)).toBe('  git push --follow-tags');
  expect(await changedFiles(clone)).toEqual([]);
  expect((await clone.run('git', 'describe', '--exact-match')).stdout).toBe('v1.20.0\n');
});

it('lists in the SBOM what the product runs on, by version and hash, and nothing of development', async () => {
  const clone = await scratchClone();
  await release(clone, '1.20.0');
  const { bomFormat, metadata, components } = await read(clone, 'sbom.cdx.json');
  expect(bomFormat).toBe('CycloneDX');
  expect(metadata.component).toMatchObject({ name: 'tandem', version: '1.20.0' });
  const { dependencies } = await read(clone, 'package.json');
  const direct = components.find(({ name }: { name: string }) => name === 'onnxruntime-node');
  expect(direct).toMatchObject({
    version: dependencies['onnxruntime-node'],
    hashes: [{ alg: 'SHA-512', content: expect.stringMatching(/^[0-9a-f]{128}$/) }],
  });
  // All of it, what development requires as well included, on every platform; and nothing else.
  const { packages } = await read(clone, 'package-lock.json');
  const pinned = Object.entries<{ version: string; dev?: boolean; link?: boolean }>(packages)
    .filter(([location, { dev, link }]) => location && !dev && !link)
    // npm lists a package under another name, an alias, by the alias.
    .map(([location, { version }]) => `${location.split('node_modules/').at(-1)}@${version}`);
  const listed = components.map(({ name, version }: Record<string, string>) => `${name}@${version}`);
  expect(listed.sort()).toEqual([...new Set(pinned)].sort());
});

it('commits and tags with --commit, and the next release goes on from there', async () => {
  const clone = await scratchClone();
  const { stdout } = await release(clone, '1.20.0', '--commit');
  expect(stdout).toMatch(/Now:\n {2}git push --follow-tags\n$/);
  await expect(release(clone, '1.21.0')).rejects.toMatchObject({
    stderr: expect.stringMatching(/lists no change/),
  });
  const changelog = await read(clone, 'CHANGELOG.md');
  const next = changelog.replace('## [Unreleased]\n', '## [Unreleased]\n\n### Fixed\n\n- It is faster.\n');
  await writeFile(path.join(clone.folder, 'CHANGELOG.md'), next);
  await clone.run('git', 'commit', '--all', '--quiet', '--message', 'Make it faster');
  await release(clone, '1.20.1', '--commit');
  const { stdout: subjects } = await clone.run('git', 'log', '--format=%s');
  expect(subjects).toBe('Release 1.20.1\nMake it faster\nRelease 1.20.0\nBegin\n');
  const { stdout: tags } = await clone.run('git', 'tag', '--list', '--format=%(refname:short) %(subject)');
  expect(tags).toBe('v1.20.0 tandem 1.20.0\nv1.20.1 tandem 1.20.1\n');
});

it.each([
  [['0.0.9'], /"0\.0\.9" is not greater than/],
  [['v9.0.0'], /"v9\.0\.0" is not greater than .*three numbers/],
  [['9.0'], /"9\.0" is not greater than/],
  [[], /one version is required/],
  [['9.0.0', '--tag'], /Unknown option '--tag'/],
])('refuses %j and changes nothing', async (args, message) => {
  const clone = await scratchClone();
  await expect(release(clone, ...args)).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(message),
  });
  expect(await changedFiles(clone)).toEqual([]);
});

it('refuses the same version again, a tag that exists, and a working tree with changes', async () => {
  const clone = await scratchClone();
  const { version } = await read(clone, 'package.json');
  await expect(release(clone, version)).rejects.toMatchObject({
    stderr: expect.stringMatching(/not greater/),
  });
  await clone.run('git', 'tag', 'v9.0.0');
  await expect(release(clone, '9.0.0')).rejects.toMatchObject({
    stderr: expect.stringMatching(/v9\.0\.0 exists/),
  });
  await writeFile(path.join(clone.folder, 'notes.txt'), 'not committed');
  await expect(release(clone, '9.0.1')).rejects.toMatchObject({
    stderr: 'No release: the working tree has changes; commit or stash them first\n',
  });
  expect(await changedFiles(clone)).toEqual(['notes.txt']);
});

it('keeps earlier versions and drops empty headings', () => {
  const older = '## [0.1.0] - 2026-01-02\n\n### Added\n\n- All of it.\n';
  const unreleased = '## [Unreleased]\n\n### Added\n\n### Fixed\n\n- A bug.\n\n';
  expect(releaseUnreleased(`# Changelog\n\n${unreleased}${older}`, '0.2.0', '2026-11-26')).toBe(
    `# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-11-26\n\n### Fixed\n\n- A bug.\n\n${older}`,
  );
  expect(() =>
    releaseUnreleased(`# Changelog\n\n## [Unreleased]\n\n### Added\n\n${older}`, '0.2.0', ''),
  ).toThrow(/lists no change/);
  expect(() => releaseUnreleased(`# Changelog\n\n${older}`, '0.2.0', '')).toThrow(/no section/);
});
