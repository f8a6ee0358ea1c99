import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { drawImages } from './sample-set/draw.ts';
import { chooseEmoji, type SampleExample } from './sample-set/emoji.ts';

/** Side of the images in pixels. */
const size = 160;

/**
 * Builds the sample set: some 1,400 emoji with an image, a line of text and one of eight labels, in a folder that
 * `readDataset` reads. Same bytes each time. The folder gets its name only when it is whole; an older sample set is
 * replaced.
 * @param onProgress how many images are drawn
 * @returns what stands in metadata.csv
 * @throws Error where the folder holds anything but a sample set
 * @example await buildSampleSet('data/samples/emoji', { onProgress: (done, total) => console.log(done, total) });
 */
export async function buildSampleSet(
  folder: string,
  { onProgress }: { onProgress?: (done: number, total: number) => void } = {},
): Promise<SampleExample[]> {
  const target = resolve(folder);
  await refuseToReplaceOthers(target);
  const examples = await chooseEmoji(size);
  await mkdir(dirname(target), { recursive: true });
  const staging = await mkdtemp(`${target}.part-`);
  try {
    const images = examples.map(({ fileName, svg }) => ({ path: join(staging, fileName), svg }));
    await drawImages(images, onProgress);
    await writeFile(join(staging, 'metadata.csv'), toCsv(examples));
    await writeFile(join(staging, 'NOTICE.txt'), notice);
    await rm(target, { recursive: true, force: true });
    await rename(staging, target);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
  return examples;
}

async function refuseToReplaceOthers(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  const found = await readFile(join(folder, 'NOTICE.txt'), 'utf8').catch(() => undefined);
  if (names.length > 0 && found !== notice)
    throw new Error(`${folder} holds something else than a sample set`);
}

function toCsv(examples: SampleExample[]): string {
  const quote = (value: string) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const rows = examples.map(({ fileName, text, label }) => [fileName, text, label].map(quote).join(','));
  return `${['file_name,text,label', ...rows].join('\n')}\n`;
}

const notice = `Images: Fluent Emoji (flat), Microsoft Corporation, MIT licence, https://github.com/microsoft/fluentui-emoji
Names and groups: unicode-emoji-json, Mu-An Chiou, MIT licence, https://github.com/muan/unicode-emoji-json
Keywords: emojilib, Mu-An Chiou, MIT licence, https://github.com/muan/emojilib
`;

if (import.meta.main) {
  const command = new Command('build-sample-set')
    .description('Builds the sample set: emoji images with texts and eight labels, ready for fine-tuning.')
    .option('--output <folder>', 'where to put it; an older sample set is replaced', 'data/samples/emoji')
    .addHelpText('after', '\nExample:\n  node scripts/build-sample-set.ts --output data/samples/emoji')
    .parse();
  const { output } = command.opts<{ output: string }>();
  const examples = await buildSampleSet(output, {
    onProgress: (done, total) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${total} images`);
    },
  });
  if (process.stderr.isTTY) process.stderr.write('\n');
  console.log(`${examples.length} examples in ${output}`);
  const byLabel = Map.groupBy(examples, ({ label }) => label);
  for (const [label, { length }] of byLabel) console.log(`${String(length).padStart(5)} ${label}`);
}
