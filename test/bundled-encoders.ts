import { fileURLToPath } from 'node:url';

const folderOf = (id: string) => fileURLToPath(new URL(`../models/${id}`, import.meta.url));

/** The folders of the encoders that ship with the program. */
export const bundledEncoders = {
  image: [folderOf('efficientnet-lite0-whole')],
  text: [folderOf('all-MiniLM-L6-v2')],
} as const;
