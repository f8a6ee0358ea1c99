/**
 * Predicts every image of a folder, or every row of a CSV file, over one streamed request, and writes a CSV file.
 *   node score.ts photos/ --output predictions.csv
 * Requires Node 24 and, for a CSV file, `npm install csv-parse`.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { parse } from 'csv-parse';

/** A row's image is a path relative to the folder, or to the folder of the CSV file. */
interface Row {
  file_name?: string;
  text?: string;
}
interface Answer {
  labels: { label: string; probability: number }[];
  error?: { detail: string };
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    address: { type: 'string', default: 'http://127.0.0.1:8080' },
    head: { type: 'string', default: 'emoji' },
    output: { type: 'string', default: 'predictions.csv' },
  },
});
const source = positionals[0];
const isFolder = (await stat(source)).isDirectory();
const folder = isFolder ? source : path.dirname(source);
const key = process.env.TANDEM_KEY;

/** Rows that were sent and not answered yet, in order; one whose image cannot be read is not sent. */
const waiting: { row: Row; unreadable?: string }[] = [];
const count = { rows: 0, failed: 0 };
const start = performance.now();
const progress = setInterval(report, 1000);
try {
  await pipeline(csvLines, createWriteStream(options.output));
  report();
  process.stderr.write(`\n${count.failed} failed; written to ${options.output}\n`);
} catch (error) {
  const { message, cause } = error as Error;
  process.stderr.write(`\n${[message, (cause as Error)?.message].filter(Boolean).join(': ')}\n`);
  process.exitCode = 1;
} finally {
  clearInterval(progress);
}

async function* rows(): AsyncGenerator<Row> {
  if (!isFolder) {
    yield* createReadStream(source).pipe(parse({ columns: true, bom: true }));
    return;
  }
  const names = (await readdir(source, { recursive: true })).sort();
  for (const name of names) if (/\.(jpe?g|png|webp)$/i.test(name)) yield { file_name: name };
}

/** The request's body. The server reads it no faster than it answers, so neither side holds more than a few rows. */
async function* requestLines(): AsyncGenerator<Uint8Array> {
  for await (const row of rows()) {
    try {
      const image = row.file_name && (await readFile(path.join(folder, row.file_name), 'base64'));
      const line = { ...(image && { image }), ...(row.text && { text: row.text }) };
      waiting.push({ row });
      yield Buffer.from(`${JSON.stringify(line)}\n`);
    } catch (error) {
      waiting.push({ row, unreadable: (error as Error).message });
    }
  }
}

async function* csvLines(): AsyncGenerator<string> {
  yield csvLine('file_name', 'text', 'label', 'probability', 'error');
  const query = new URLSearchParams({ head: options.head, topK: '1' });
  // Node sends a generator as it comes; the types of fetch in browsers know no such body.
  const request: object = {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-ndjson', ...(key && { Authorization: `Bearer ${key}` }) },
    body: requestLines(),
    duplex: 'half',
  };
  const response = await fetch(`${options.address}/v1/predict?${query}`, request);
  if (!response.ok || !response.body) {
    const { title, detail, fix } = await response.json();
    throw new Error(`${title}: ${detail}. ${fix}`);
  }
  // Answers come in the order of the rows.
  for await (const line of createInterface({ input: Readable.from(response.body) })) {
    yield* unreadableRows();
    const answer: Answer = JSON.parse(line);
    yield answered(waiting.shift()!.row, answer.labels?.[0], answer.error?.detail);
  }
  yield* unreadableRows();
  if (waiting.length > 0) throw new Error(`the server ended its answer ${waiting.length} rows early`);
}

function* unreadableRows(): Generator<string> {
  while (waiting[0]?.unreadable) {
    const { row, unreadable } = waiting.shift()!;
    yield answered(row, undefined, unreadable);
  }
}

function answered(row: Row, best?: Answer['labels'][number], error = ''): string {
  count.rows++;
  if (error) count.failed++;
  return csvLine(row.file_name, row.text, best?.label, best?.probability, error);
}

function csvLine(...cells: (string | number | undefined)[]): string {
  const quoted = cells.map((cell = '') =>
    /[",\r\n]/.test(`${cell}`) ? `"${`${cell}`.replaceAll('"', '""')}"` : cell,
  );
  return `${quoted.join(',')}\n`;
}

function report(): void {
  const seconds = (performance.now() - start) / 1000;
  process.stderr.write(
    `\r${count.rows} rows in ${seconds.toFixed(1)} s (${Math.round(count.rows / seconds)} a second)`,
  );
}
