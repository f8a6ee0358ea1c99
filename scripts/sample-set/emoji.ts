import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { describeEmoji } from './description.ts';

/** One image to draw, with what stands about it in metadata.csv. */
export interface SampleExample {
  fileName: string;
  /** A whole SVG document of the size asked for. */
  svg: string;
  text: string;
  label: string;
}

interface IconSet {
  width: number;
  height: number;
  icons: Record<string, { body: string; width?: number; height?: number }>;
  aliases: Record<string, { parent: string; hFlip?: boolean }>;
}

/** Most flags have no image in this set. */
const groupsLeftOut = ['Flags'];
/** Drawn exactly as grinning-cat and black-medium-square. */
const repeatedIcons = ['cat-face', 'white-square-button'];

/**
 * Chooses the emoji of the sample set: those with an image, without skin tones, and of several that differ by
 * gender or direction only the plain one, since near-twins on both sides of a split would flatter any model.
 * Images: Fluent Emoji Flat by Microsoft (MIT). Names and groups: unicode-emoji-json (MIT). Keywords: emojilib (MIT).
 * @param size width and height of the SVG documents
 */
export async function chooseEmoji(size: number): Promise<SampleExample[]> {
  const icons: IconSet = await readJson('@iconify-json/fluent-emoji-flat/icons.json');
  const iconNames: Record<string, string> = await readJson('@iconify-json/fluent-emoji-flat/chars.json');
  const emoji: Record<string, { name: string; group: string }> = await readJson(
    'unicode-emoji-json/data-by-emoji.json',
  );
  const keywords: Record<string, string[]> = await readJson('emojilib');
  const groups = [...new Set(Object.values(emoji).map(({ group }) => group))];
  const chosen = new Map<string, SampleExample>();
  for (const [character, { name, group }] of Object.entries(emoji)) {
    if (groupsLeftOut.includes(group) || isVariant(character, (other) => other in emoji)) continue;
    const codes = [...character].map((part) => part.codePointAt(0)?.toString(16)).join('-');
    const iconName = iconNames[codes] ?? iconNames[codes.replaceAll('-fe0f', '')];
    if (!iconName || repeatedIcons.includes(iconName) || chosen.has(iconName)) continue;
    const svg = drawIcon(icons, iconName, size);
    // The first keyword is the name again, with underscores.
    const text = describeEmoji(name, (keywords[character] ?? []).slice(1), groups);
    chosen.set(iconName, { fileName: `${iconName}.png`, svg, text, label: slug(group) });
  }
  return [...chosen.values()];
}

/** True for an emoji that only adds a gender or a direction to another one. */
function isVariant(character: string, exists: (character: string) => boolean): boolean {
  if (/\u200d[\u2640\u2642\u27a1]/.test(character)) return true;
  return /^[👨👩]\u200d/u.test(character) && exists(character.replace(/^[👨👩]/u, '🧑'));
}

function drawIcon(set: IconSet, name: string, size: number): string {
  const alias = set.aliases[name];
  const { body, width = set.width, height = set.height } = set.icons[alias?.parent ?? name];
  const drawn = alias?.hFlip ? `<g transform="translate(${width} 0) scale(-1 1)">${body}</g>` : body;
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${size}" height="${size}" viewBox="0 0 ${width} ${height}">${drawn}</svg>`;
}

/** @example slug('Food & Drink'); // 'food-drink' */
function slug(group: string): string {
  return group.toLowerCase().replaceAll(/[^a-z]+/g, '-');
}

async function readJson<Content>(name: string): Promise<Content> {
  return JSON.parse(await readFile(createRequire(import.meta.url).resolve(name), 'utf8'));
}
