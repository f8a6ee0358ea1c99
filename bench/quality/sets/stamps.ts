import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type DrawnExample, encodeExamples, type FiledExample, splitEncoded } from './encoded.ts';
import type { QualitySet } from './quality-set.ts';

const run = promisify(execFile);
const packageName = 'tuxpaint-stamps-default';
/** Outside the repository: the package is large, and under the GPL. */
const cache = path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'tandem-bench');

/** Stamps of the drawing program Tux Paint, with captions in many languages (GPL-2). */
export const stampSets: QualitySet[] = [
  stamps('stamps', 'drawings and photographs with a caption, by folder'),
  stamps('stamps-ja', 'the same, captions in Japanese: the text encoder knows English', 'ja'),
];

function stamps(name: string, about: string, language?: string): QualitySet {
  return {
    name,
    about,
    async load() {
      const folder = await stampsFolder();
      const files = await readdir(folder, { recursive: true });
      const present = new Set(files);
      const captions = files.filter((file) => file.endsWith('.txt')).sort();
      const examples = captions.map((file) => exampleOf(folder, file, present, language));
      const found = (await Promise.all(examples)).filter((example) => example !== undefined);
      return splitEncoded(await encodeExamples(found));
    },
  };
}

/** The stamp that a caption's file belongs to; undefined where it has no image or no caption in the language. */
async function exampleOf(
  folder: string,
  file: string,
  present: ReadonlySet<string>,
  language: string | undefined,
): Promise<DrawnExample | FiledExample | undefined> {
  const [english, ...translations] = (await readFile(path.join(folder, file), 'utf8')).split('\n');
  const marked = `${language}.utf8=`;
  const text = language
    ? translations.find((line) => line.startsWith(marked))?.slice(marked.length)
    : english;
  if (!text?.trim()) return;
  const [label] = file.split(path.sep);
  const stem = file.slice(0, -'.txt'.length);
  if (present.has(`${stem}.png`)) return { file: path.join(folder, `${stem}.png`), text, label };
  if (present.has(`${stem}.svg`))
    return { svg: await readFile(path.join(folder, `${stem}.svg`), 'utf8'), text, label };
}

/**
 * Where the stamps lie, a folder for each label. Debian's package is downloaded and unpacked on first use.
 * @throws Error where there is no apt-get or dpkg
 */
async function stampsFolder(): Promise<string> {
  const unpacked = path.join(cache, packageName);
  const stampsIn = path.join(unpacked, 'usr/share/tuxpaint/stamps');
  const exists = await access(stampsIn).then(
    () => true,
    () => false,
  );
  if (exists) return stampsIn;
  await mkdir(cache, { recursive: true });
  const download = await mkdtemp(path.join(cache, 'download-'));
  try {
    await run('apt-get', ['download', packageName], { cwd: download });
    const [file] = await readdir(download);
    await run('dpkg', ['-x', file, 'unpacked'], { cwd: download });
    await rename(path.join(download, 'unpacked'), unpacked);
  } catch (cause) {
    throw new Error(`${packageName} is a package of Debian's; choose other datasets with --set`, { cause });
  } finally {
    await rm(download, { recursive: true, force: true });
  }
  return stampsIn;
}
