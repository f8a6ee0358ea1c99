import path from 'node:path';
import { h } from 'preact';
import type { Example } from '../datasets/example.ts';
import { type Content, type ModalityName, modalityNames } from '../modalities/registry.ts';
import { shorten } from './format.ts';
import { foreign, type Markup } from './markup.ts';
import { makeThumbnail, type Thumbnail } from './thumbnails.ts';

/** How the content of a modality is shown. */
export interface ContentView<Reference = unknown> {
  /** What stands for the modality in charts. */
  readonly colour: { light: string; dark: string };
  /** A small image of it. @throws TandemError where it cannot be read */
  thumbnail?(reference: Reference): Promise<Thumbnail>;
  /** Its words, so many characters of them. */
  words?(reference: Reference, length: number): Markup;
  /** The name of the file that it is. */
  source?(reference: Reference): string;
  /** As a list of examples has it, in JSON. */
  listed(reference: Reference): Promise<unknown>;
}

/** Content as lists of examples show it. */
export interface ListedContent {
  image?: { hash: string; thumbnail: Thumbnail };
  text?: string;
  table?: Reference<'table'>;
}

type Reference<Name extends ModalityName> = NonNullable<Content[Name]>;

const image: ContentView<Reference<'image'>> = {
  colour: { light: '#0b6fb8', dark: '#5db2f0' },
  thumbnail: ({ path }) => makeThumbnail(path),
  source: (reference) => path.basename(reference.path),
  listed: async ({ path, sha256: hash }) => ({ hash, thumbnail: await makeThumbnail(path) }),
};

const text: ContentView<Reference<'text'>> = {
  colour: { light: '#b35900', dark: '#f0a04b' },
  words: (text, length) => h('p', { class: 'text', dir: 'auto' }, shorten(text, length)),
  listed: async (text) => text,
};

const table: ContentView<Reference<'table'>> = {
  colour: { light: '#2e7d32', dark: '#7cc681' },
  words: (values, length) => h('p', { class: 'text', dir: 'auto' }, shorten(describeValues(values), length)),
  listed: async (values) => values,
};

function describeValues(values: Reference<'table'>): string {
  return Object.entries(values)
    .map(([column, value]) => `${column} ${value}`)
    .join(' · ');
}

export const contentViews: Readonly<Record<ModalityName, ContentView>> = { image, text, table };

/** What each modality has to show of some content. */
function showing<Shown>(
  content: Content,
  show: (view: ContentView, reference: unknown) => Shown | undefined,
): Shown[] {
  return modalityNames.flatMap((name) => {
    const reference = content[name];
    const shown = reference === undefined ? undefined : show(contentViews[name], reference);
    return shown === undefined ? [] : [shown];
  });
}

/** The words of some content. */
export function wordsOf(content: Content, length: number): Markup[] {
  return showing(content, (view, reference) => view.words?.(reference, length));
}

/** Where an example lies: its row, and the files that it is. */
export function sourceOf(row: number, content: Content): Markup {
  const names = showing(content, (view, reference) => view.source?.(reference));
  return h(
    'p',
    { class: 'source' },
    `row ${row}`,
    names.map((name) => [' · ', foreign(name)]),
  );
}

/** A small image of some content; undefined where it has none. */
function thumbnailOf(content: Content): Promise<Thumbnail> | undefined {
  return showing(content, (view, reference) => view.thumbnail?.(reference))[0];
}

/** @example await listContent({ text: 'a cat' }) // { text: 'a cat' } */
export async function listContent(content: Content): Promise<ListedContent> {
  const entries = modalityNames.map(async (name) => {
    const reference = content[name];
    return [name, reference === undefined ? undefined : await contentViews[name].listed(reference)];
  });
  return Object.fromEntries(await Promise.all(entries));
}

export type Thumbnails = ReadonlyMap<Example, Thumbnail>;

const atOnce = 4;

/** Small images of the examples. One that has none, or whose file cannot be read, is left out. */
export async function makeThumbnails(examples: Iterable<Example>): Promise<Thumbnails> {
  const thumbnails = new Map<Example, Thumbnail>();
  const queue = new Set(examples).values();
  const work = async () => {
    for (const example of queue) {
      const thumbnail = await thumbnailOf(example.content)?.catch(() => undefined);
      if (thumbnail) thumbnails.set(example, thumbnail);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return thumbnails;
}
