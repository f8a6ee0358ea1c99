/** The formats that are decoded, as libvips calls them. */
export const imageFormats = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif'] as const;
export type ImageFormat = (typeof imageFormats)[number];

/** The same for people. Of HEIF, AVIF alone. */
export const formatNames: Readonly<Record<ImageFormat, string>> = {
  jpeg: 'JPEG',
  png: 'PNG',
  webp: 'WebP',
  gif: 'GIF',
  tiff: 'TIFF',
  heif: 'AVIF',
};

/** @example formatList // 'JPEG, PNG, WebP, GIF, TIFF or AVIF' */
export const formatList = new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(
  Object.values(formatNames),
);

/** What to do about any other image. */
export const conversionHint = 'convert it to JPEG or PNG';

export function isImageFormat(format: string | undefined): format is ImageFormat {
  return imageFormats.some((known) => known === format);
}
