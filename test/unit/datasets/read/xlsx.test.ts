import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { ZipFile } from 'yazl';
import { checkDataset, readDataset } from '../../../../src/datasets/dataset.ts';
import { unpackUpload } from '../../../../src/datasets/upload/unpack.ts';
import { folderWith, temporaryFolder } from '../sample.ts';

const fixture = (name: string) => path.resolve('test/fixtures/tables', name);

/** A workbook with one sheet, of parts as they are given. */
async function workbook(parts: Record<string, string>): Promise<string> {
  const zip = new ZipFile();
  const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
  const relation = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
  const all = {
    'xl/workbook.xml': `<workbook xmlns="${main}" xmlns:r="${relation}"><sheets><sheet name="s" sheetId="1" r:id="rId1"/></sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': `<Relationships><Relationship Id="rId1" Type="${relation}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="${relation}/sharedStrings" Target="sharedStrings.xml"/></Relationships>`,
    ...parts,
  };
  for (const [name, content] of Object.entries(all)) zip.addBuffer(Buffer.from(content), name);
  zip.end();
  const file = path.join(await temporaryFolder(), 'book.xlsx');
  await pipeline(zip.outputStream, createWriteStream(file));
  return file;
}

const sheet = (rows: string) => `<worksheet><sheetData>${rows}</sheetData></worksheet>`;
const detailsOf = async (file: string) => (await checkDataset(file)).problems.map(({ detail }) => detail);

describe('an Excel workbook', () => {
  it('is a dataset by its path, with dates, numbers and empty cells', async () => {
    const columns = { tableColumns: ['price', 'sold'] };
    const { examples, notes } = await readDataset(fixture('frame.xlsx'), columns);
    expect(examples.map(({ row, content, truth }) => [row, content.text, content.table, truth])).toEqual([
      [2, 'An ant', { price: 1.5, sold: 'true' }, { class: 'bug' }],
      [3, 'A bee', { sold: 'false' }, { class: 'bug' }],
      [4, 'A cat', { price: 3, sold: 'true' }, { class: 'pet' }],
      [5, 'A dog, asleep', { price: 4, sold: 'false' }, { class: 'pet' }],
    ]);
    expect(notes).toContain('frame.xlsx: not used: columns "count", "day"');
  });

  it('may begin anywhere, have empty rows and further sheets', async () => {
    const { notes, counts, preview } = await checkDataset(fixture('by-hand.xlsx'));
    expect(counts.examples).toBe(2);
    expect(preview.map(({ at, truth }) => [at, truth])).toEqual([
      ['by-hand.xlsx row 4', { class: 'a' }],
      ['by-hand.xlsx row 7', { class: '1' }],
    ]);
    expect(notes).toContain('by-hand.xlsx: read the first of 2 sheets');
    expect(notes).toContain('by-hand.xlsx: not used: column "(column D)"');
  });

  it('is a table when it is uploaded, though it is a zip', async () => {
    const folder = await unpackUpload(
      fixture('frame.xlsx'),
      'My Frame.XLSX',
      path.join(await temporaryFolder(), 'in'),
    );
    expect((await readDataset(folder)).examples).toHaveLength(4);
  });
});

describe('a workbook that is not read', () => {
  it('has a cell far away, which would make all rows as wide', async () => {
    expect(await detailsOf(fixture('far.xlsx'))).toEqual(['it has 16384 columns; 1000 are the limit']);
    const long = sheet(
      '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="CV1048576"><v>1</v></c></row>',
    );
    expect(await detailsOf(await workbook({ 'xl/worksheets/sheet1.xml': long }))).toEqual([
      expect.stringContaining('it has 100 columns and 1048576 rows, empty ones included'),
    ]);
    const hidden = sheet('<row r="1"><c r="&#88;FD1"><v>1</v></c></row>');
    expect(await detailsOf(await workbook({ 'xl/worksheets/sheet1.xml': hidden }))).toEqual([
      'it has a cell in no place: "&#88;FD1"',
    ]);
  });

  it('unpacks to more than fits, whatever packs it', async () => {
    const strings = `<sst><si><t>${' '.repeat(2 ** 27)}</t></si></sst>`;
    const before = process.memoryUsage().arrayBuffers;
    const file = await workbook({ 'xl/sharedStrings.xml': strings, 'xl/worksheets/sheet1.xml': sheet('') });
    expect(await detailsOf(file)).toEqual(['it has more than 96 MiB of cells; save it as CSV']);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 28);
  });

  it('is no workbook', async () => {
    const folder = await folderWith({ 'a.xlsx': 'text,label', 'b.xlsx': '' });
    for (const name of ['a.xlsx', 'b.xlsx'])
      expect(await detailsOf(path.join(folder, name))).toEqual([
        expect.stringContaining('it is no spreadsheet (.xlsx), or it is damaged'),
      ]);
    expect(await detailsOf(await workbook({}))).toEqual([
      expect.stringContaining('the spreadsheet cannot be read'),
    ]);
  });
});
