import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

/** Where `npm run build:studio` puts the page. */
const folder = path.join(import.meta.dirname, 'static');

const types: Record<string, string> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** A file of the page, whose name changes with its content. */
export interface PageFile {
  type: string;
  content: Buffer;
  /** Its content compressed, once and for all callers. */
  packed(encoding: 'br' | 'gzip'): Promise<Buffer>;
}

const pack = {
  br: (content: Buffer) =>
    promisify(brotliCompress)(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
  gzip: (content: Buffer) => promisify(gzip)(content, { level: 9 }),
};

/** The page itself, as it was built: `./` stands for the path below which callers reach the server. */
export function readIndex(): string {
  return readFileSync(path.join(folder, 'index.html'), 'utf8');
}

/** The page's scripts, styles and images by name. */
export function readPageFiles(): Map<string, PageFile> {
  const below = path.join(folder, 'studio');
  return new Map(
    readdirSync(below).map((name) => {
      const content = readFileSync(path.join(below, name));
      const packed = new Map<string, Promise<Buffer>>();
      const file: PageFile = {
        type: types[path.extname(name)] ?? 'application/octet-stream',
        content,
        packed(encoding) {
          const known = packed.get(encoding) ?? pack[encoding](content);
          packed.set(encoding, known);
          return known;
        },
      };
      return [name, file];
    }),
  );
}
