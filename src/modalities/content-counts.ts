import type { Content } from './registry.ts';

/** How much content there is, as lists of datasets tell it. */
export interface ContentCounts {
  /** Examples that have an image, and those that have a text. */
  images: number;
  texts: number;
  /** Different images, byte for byte. */
  distinctImages: number;
}

/** @example countContent([{ text: 'a cat' }]) // { images: 0, texts: 1, distinctImages: 0 } */
export function countContent(contents: readonly Content[]): ContentCounts {
  const images = contents.flatMap(({ image }) => image ?? []);
  return {
    images: images.length,
    texts: contents.filter(({ text }) => text !== undefined).length,
    distinctImages: new Set(images.flatMap(({ sha256 }) => sha256 ?? [])).size,
  };
}
