import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import type { DatasetCatalogue } from './catalogue.ts';
import { formatReading, readingFile } from './reading.ts';

/**
 * A dataset as a zip file, which imports as the same dataset again: `metadata.jsonl` beside `pictures/`, named by
 * content. It is made while it is read, and nothing of it is written anywhere.
 * @throws TandemError `unknown-dataset`; errors of reading the pictures come as errors of the stream
 * @example await pipeline(await exportDataset(catalogue, 'pets-0a1b2c3d4e5f'), createWriteStream('pets.zip'));
 */
export async function exportDataset(catalogue: DatasetCatalogue, id: string): Promise<Readable> {
  const { createdAt, target, labelSeparator, labels } = await catalogue.get(id);
  // Numbers are called by their column.
  const labelColumn = target === 'regression' ? labels[0] : 'label';
  const examples = await catalogue.examples(id);
  // Same dataset, same bytes.
  const mtime = new Date(createdAt);
  const names = new Map<string, string>();
  for (const { image, imageHash } of examples)
    if (image && imageHash && !names.has(imageHash))
      names.set(imageHash, `pictures/${imageHash}.${await extensionOf(image)}`);
  function* lines() {
    for (const { imageHash, text, label, split } of examples) {
      const file_name = imageHash && names.get(imageHash);
      yield `${JSON.stringify({ file_name, text, [labelColumn]: label, split })}\n`;
    }
  }
  const zip = new ZipFile();
  zip.on('error', (error) => zip.outputStream.emit('error', error));
  zip.addReadStream(Readable.from(lines()), 'metadata.jsonl', { mtime });
  zip.addBuffer(Buffer.from(formatReading({ labelColumn, target, labelSeparator })), readingFile, { mtime });
  // Pictures are packed already.
  for (const { image, imageHash } of new Map(
    examples.map((example) => [example.imageHash, example]),
  ).values())
    if (image && imageHash) zip.addFile(image, names.get(imageHash)!, { mtime, compress: false });
  zip.end();
  return zip.outputStream as Readable;
}

async function extensionOf(file: string): Promise<string> {
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    const start = buffer.toString('latin1');
    return start === 'RIFF' ? 'webp' : start.endsWith('PNG') ? 'png' : 'jpg';
  } finally {
    await handle.close();
  }
}
