import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createDeflateRaw } from 'node:zlib';
import { ZipFile } from 'yazl';
import { valueFor } from '../indexing.ts';
import { cellsOf, fileHashesOf, fittedColumnsIn } from '../modalities/content.ts';
import { contentColumns } from '../modalities/content-columns.ts';
import { type FittedName, pretrainedNames } from '../modalities/registry.ts';
import { targets } from '../targets/targets.ts';
import type { DatasetCatalogue } from './catalogue.ts';
import type { DatasetRecord } from './dataset-record.ts';
import type { ColumnNames } from './example.ts';
import { formatReading, readingFile } from './read/dataset-file.ts';
import type { StoredExample } from './stored-example.ts';

/** Bytes of lines that are written at once, about. */
const pieceLength = 2 ** 16;

/** How many times its size a file may be unpacked, half of what an import allows. */
const largestRatio = 100;

/**
 * A dataset as a zip file, which imports as the same dataset again: `metadata.jsonl` beside `images/`, named by
 * content. It is made while it is read, and nothing of it is written anywhere.
 * @throws TandemError `unknown-dataset`; errors of reading the images come as errors of the stream
 * @example await pipeline(await exportDataset(catalogue, 'pets-0a1b2c3d4e5f'), createWriteStream('pets.zip'));
 */
export async function exportDataset(catalogue: DatasetCatalogue, id: string): Promise<Readable> {
  const record = await catalogue.get(id);
  // Same dataset, same bytes.
  const mtime = new Date(record.createdAt);
  const hashes = new Set<string>();
  const fitted = new Map<string, FittedName>();
  let hasGroups = false;
  for await (const { content, group } of catalogue.stored(id)) {
    hasGroups ||= group !== undefined;
    for (const hash of fileHashesOf(content)) hashes.add(hash);
    for (const [modality, column] of fittedColumnsIn(content)) fitted.set(column, modality);
  }
  const columns = columnsOf(record, fitted, hasGroups);
  const files = await catalogue.imageFiles(id, hashes);
  const names = new Map<string, string>();
  for (const [hash, file] of files) names.set(hash, `images/${hash}.${await extensionOf(file)}`);
  const lines = () => linesOf(catalogue.stored(id), names, columns);
  const zip = new ZipFile();
  zip.on('error', (error) => zip.outputStream.emit('error', error));
  // What packs too well would be taken for a bomb when it is imported.
  const compress = (await packingRatio(lines())) <= largestRatio;
  const content = Readable.from(lines(), { objectMode: false });
  zip.addReadStream(content, 'metadata.jsonl', { mtime, compress });
  zip.addBuffer(Buffer.from(formatReading(columns)), readingFile, { mtime });
  // Images are packed already.
  for (const [hash, file] of files) zip.addFile(file, valueFor(names, hash), { mtime, compress: false });
  zip.end();
  return zip.outputStream as Readable;
}

/**
 * How the export is to be read. Numbers are called by their column, and so are values that a head is asked with: other
 * columns make way for these names.
 * @param fitted the columns of the fitted modalities
 */
function columnsOf(
  { target, labels }: DatasetRecord,
  fitted: ReadonlyMap<string, FittedName>,
  hasGroups: boolean,
) {
  const taken = new Set(fitted.keys());
  const free = (column: string) => {
    let name = column;
    while (taken.has(name)) name += madeWay;
    taken.add(name);
    return name;
  };
  const labelColumn = free(targets[target].exportColumn(labels));
  const usual: [string, string][] = [
    ...pretrainedNames.map((name): [string, string] => [`${name}Column`, contentColumns[`${name}Column`]]),
    ['splitColumn', 'split'],
  ];
  const renamed = usual.map(([which, column]) => [which, free(column), column] as const);
  return {
    labelColumn,
    target,
    ...(hasGroups && { groupColumn: free('group') }),
    ...Object.fromEntries(
      renamed.filter(([, name, column]) => name !== column).map(([which, name]) => [which, name]),
    ),
    ...Object.fromEntries(
      [...Map.groupBy([...fitted], ([, modality]) => modality)].map(([modality, columns]) => [
        `${modality}Columns`,
        columns.map(([column]) => column).sort(),
      ]),
    ),
  };
}

/** What the name of a column ends with that made way for another. */
const madeWay = ' of the example';

/** The examples as lines of `metadata.jsonl`, several at a time. */
async function* linesOf(
  examples: AsyncIterable<StoredExample>,
  names: ReadonlyMap<string, string>,
  {
    labelColumn,
    target,
    splitColumn = 'split',
    groupColumn,
    ...others
  }: ReturnType<typeof columnsOf> & Partial<ColumnNames>,
): AsyncGenerator<Buffer> {
  let piece = '';
  const columns = { ...contentColumns, ...others };
  // A column that the export names must be there, though no example has anything in it.
  const named = [splitColumn, ...pretrainedNames.map((name) => columns[`${name}Column`])];
  const empty = Object.fromEntries(
    named.filter((column) => column.endsWith(madeWay)).map((column) => [column, null]),
  );
  for await (const { content, truth, split, group } of examples) {
    const row = {
      ...empty,
      ...cellsOf(content, columns, names),
      [labelColumn]: targets[target].write(truth),
      ...(split && { [splitColumn]: split }),
      ...(groupColumn !== undefined && group !== undefined && { [groupColumn]: group }),
    };
    piece += `${JSON.stringify(row)}\n`;
    if (piece.length < pieceLength) continue;
    yield Buffer.from(piece);
    piece = '';
  }
  yield Buffer.from(piece);
}

/** How many times smaller a zip makes some content. */
async function packingRatio(content: AsyncIterable<Buffer>): Promise<number> {
  let [bytes, packed] = [0, 0];
  const count = async function* (pieces: AsyncIterable<Buffer>) {
    for await (const piece of pieces) {
      bytes += piece.length;
      yield piece;
    }
  };
  await pipeline(content, count, createDeflateRaw(), async (pieces: AsyncIterable<Buffer>) => {
    for await (const { length } of pieces) packed += length;
  });
  return bytes / packed;
}

/** How an image's name ends, by what its bytes begin with. */
const extensions: [extension: string, start: RegExp][] = [
  ['webp', /^RIFF/],
  ['png', /^.PNG/s],
  ['gif', /^GIF8/],
  ['tif', /^(II|MM)/],
  ['avif', /^.{4}ftyp/s],
];

async function extensionOf(file: string): Promise<string> {
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(8), 0, 8, 0);
    const start = buffer.toString('latin1');
    return extensions.find(([, pattern]) => pattern.test(start))?.[0] ?? 'jpg';
  } finally {
    await handle.close();
  }
}
