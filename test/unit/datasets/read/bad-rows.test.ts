import { describe, expect, it } from 'vitest';
import { checkDataset, readDataset } from '../../../../src/datasets/dataset.ts';
import { describeGroups } from '../../../../src/datasets/read/group-problems.ts';
import { folderWith, images } from '../sample.ts';

const table = [
  'file_name,text,label',
  'a.png,one,x',
  'absent.png,two,x',
  'c.png,three,y',
  'd.png,,',
  ',,x',
  'b.png,four,x',
  ',five,y',
];
const folderOf = async (rows = table) =>
  folderWith({ ...(await images()), 'metadata.csv': `${rows.join('\n')}\n` });

describe('rows that cannot be used', () => {
  it('are left out where that is wanted, and noted', async () => {
    const { examples, notes } = await readDataset(await folderOf(), { name: 'pets', skipBadRows: true });
    expect(examples.map(({ row }) => row)).toEqual([2, 4, 7, 8]);
    expect(notes).toEqual([
      'pets: 3 rows left out, 4 examples used',
      'left out: metadata.csv row 3: there is no file "absent.png"',
      'left out: metadata.csv row 5: no label: "label" is empty',
      'left out: metadata.csv row 6: neither an image nor a text',
    ]);
  });

  it('are listed by a check, which finds nothing else wrong', async () => {
    const { problemCount, leftOut, counts } = await checkDataset(await folderOf(), { skipBadRows: true });
    expect({ problemCount, examples: counts.examples }).toEqual({ problemCount: 0, examples: 4 });
    expect(leftOut.map(({ at }) => at)).toEqual([
      'metadata.csv row 3',
      'metadata.csv row 5',
      'metadata.csv row 6',
    ]);
  });

  it('are asked about once, and decide as the answer says', async () => {
    const asked: unknown[] = [];
    const answering = (answer: boolean) => ({
      onBadRows: async ({ rows, examples }: { rows: number; examples: number }) => {
        asked.push({ rows, examples });
        return answer;
      },
    });
    const folder = await folderOf();
    expect((await readDataset(folder, answering(true))).examples).toHaveLength(4);
    await expect(readDataset(folder, answering(false))).rejects.toMatchObject({ code: 'invalid-dataset' });
    await expect(readDataset(folder, { ...answering(true), skipBadRows: false })).rejects.toThrow();
    expect(asked).toEqual([
      { rows: 3, examples: 4 },
      { rows: 3, examples: 4 },
    ]);
  });

  it('take the text beside them with them in a folder per class', async () => {
    const folder = await folderWith({
      ...(await images('cat/')),
      ...(await images('dog/')),
      'cat/a.txt': Buffer.from([0xff, 0x41]),
      'dog/e.jpg': 'no image',
    });
    const { examples, notes } = await readDataset(folder, { skipBadRows: true });
    expect(examples).toHaveLength(7);
    expect(notes.join('\n')).toContain('2 rows left out, 7 examples used');
  });

  it.each([
    ['a column is missing', 'file_name,text,label\n,one,x\n', { labelColumn: 'kind' }],
    ['a quote is never closed', 'text,label\none,x\n"two,x\nthree,y\n', {}],
  ])('are not all that is wrong where %s', async (_, metadata, options) => {
    const folder = await folderWith({ 'metadata.csv': metadata });
    await expect(readDataset(folder, { ...options, skipBadRows: true })).rejects.toMatchObject({
      code: 'invalid-dataset',
    });
  });

  it('leave a problem where nothing else is left', async () => {
    const folder = await folderOf(['file_name,text,label', 'absent.png,,x']);
    await expect(readDataset(folder, { skipBadRows: true })).rejects.toMatchObject({
      items: [{ detail: 'there are no examples' }],
    });
  });
});

describe('labels with too few examples', () => {
  const rare = [
    'text,label,split',
    'a,x,',
    'b,x,',
    'c,y,',
    'd,y,',
    'e,lonely,',
    'f,tested,test',
    'g,tested,test',
  ];

  it('are refused by default, with what to do', async () => {
    const { problems } = await checkDataset(await folderOf(rare));
    expect(problems).toContainEqual({
      at: 'metadata.csv row 6',
      detail: expect.stringMatching(/the only example of the label "lonely"; .*--rare-labels drop/),
    });
  });

  it('are dropped by choice, with what was lost', async () => {
    const { dataset, notes, leftOut } = await checkDataset(await folderOf(rare), { rareLabels: 'drop' });
    expect(dataset?.labels).toEqual(['x', 'y']);
    expect(leftOut).toHaveLength(3);
    expect(notes).toContain(
      'left out 3 examples of 2 labels with too few to learn and test: "lonely", "tested"',
    );
  });

  it('are kept by choice, but for those that are tested alone', async () => {
    const { dataset } = await checkDataset(await folderOf(rare.slice(0, 6)), { rareLabels: 'keep' });
    expect(dataset?.labels).toEqual(['lonely', 'x', 'y']);
    expect((await checkDataset(await folderOf(rare), { rareLabels: 'keep' })).problems).toEqual([
      { at: 'label "tested"', detail: expect.stringContaining('none to learn from') },
    ]);
  });

  it('may be so because of rows that were left out', async () => {
    const rows = [...table, ',six,z', 'absent.png,seven,z'];
    const options = { skipBadRows: true, rareLabels: 'drop' } as const;
    expect((await readDataset(await folderOf(rows), options)).labels).toEqual(['x', 'y']);
  });
});

it('tells problems of a kind in one line, and few of a kind one by one', () => {
  const absent = (row: number) => ({ at: `t.csv row ${row}`, detail: `there is no file "${row}.png"` });
  const empty = (row: number) => ({ at: `t.csv row ${row}`, detail: 'no label: "label" is empty' });
  expect(describeGroups([...[2, 3, 4, 5].map(absent), ...[6, 7, 8, 9].map(empty), absent(10)])).toEqual([
    '5 rows: there is no file "…"; the first is t.csv row 2: there is no file "2.png"',
    '4 rows: no label: "label" is empty; the first is t.csv row 6',
  ]);
  expect(describeGroups([absent(2), empty(3), absent(4)])).toEqual([
    't.csv row 2: there is no file "2.png"',
    't.csv row 4: there is no file "4.png"',
    't.csv row 3: no label: "label" is empty',
  ]);
});
