import { TandemError } from '../../errors.ts';
import { itemAt } from '../../indexing.ts';
import { columnsOf } from '../../modalities/content-columns.ts';
import { type Content, fittedModalities, pretrainedModalities } from '../../modalities/registry.ts';
import { quote } from '../../quote.ts';
import type { ColumnNames, FoundExample } from '../example.ts';
import type { DatasetPurpose, DatasetReading } from '../read/reading.ts';

/**
 * Refuses names of columns that a fitted modality cannot be read from.
 * @throws TandemError `invalid-request`
 */
export function checkFittedColumns(columns: ColumnNames): void {
  const { labelColumn, splitColumn = 'split' } = columns;
  const others = pretrainedModalities.flatMap(({ name }) => columnsOf(columns, name));
  const used = new Set([labelColumn, splitColumn, ...others]);
  for (const { name, mostColumns } of fittedModalities) {
    const asked = columnsOf(columns, name);
    const field = `${name}Columns`;
    if (asked.length > mostColumns)
      throw invalid(field, `there are ${asked.length}, ${mostColumns} are the limit`);
    for (const column of asked) {
      if (column === '' || column === '__proto__')
        throw invalid(field, `no column can be called ${quote(column)}`);
      if (used.has(column))
        throw invalid(field, `the column ${quote(column)} is read as something else already`);
      used.add(column);
    }
  }
}

function invalid(at: string, detail: string): TandemError {
  return new TandemError('invalid-request', `${at}: ${detail}`, { items: [{ at, detail }] });
}

/**
 * The examples with the content of fitted modalities as all of it together shows it to be. Where a head is to be measured,
 * it says itself what each column holds.
 */
export function settleContent(
  examples: readonly FoundExample[],
  purpose: DatasetPurpose,
  { columns, findings }: Pick<DatasetReading, 'columns' | 'findings'>,
): FoundExample[] {
  let settled = [...examples];
  for (const { name, settle } of fittedModalities) {
    const asked = columnsOf(columns, name);
    if (asked.length === 0) continue;
    const having = settled.map(({ content }) => content[name]).filter((each) => each !== undefined);
    const { references, problems } = settle(having, asked);
    if (purpose === 'training') for (const { at, problem } of problems) findings.addProblem(at, problem);
    let place = 0;
    settled = settled.map((example) => {
      if (example.content[name] === undefined) return example;
      const content: Content = { ...example.content };
      Object.assign(content, { [name]: itemAt(references, place++) });
      return { ...example, content };
    });
  }
  return settled;
}
