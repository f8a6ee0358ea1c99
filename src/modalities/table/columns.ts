import { itemAt } from '../../indexing.ts';
import { numberIn } from '../../number-notation.ts';
import { quote } from '../../quote.ts';
import type { SettledContent } from '../modality.ts';
import { presentValues, type TableValues, tableBounds } from './values.ts';

/** Of more different values than this, most of them different, nobody would make categories. */
const mostDistinct = 50;
/** Values with so many words on average, most of them different, are sentences. */
const wordsOfSentence = 4;
/** Where so large a share of a column's values are alike, the others are taken for mistakes. */
const nearlyAll = 0.9;

const datePattern =
  /^(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{2}|\d{4}))([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})?)?$/i;
/** Numbers that the other cells of their column would have shown to be some, were all of them numbers. */
const commaPattern = /^[+-]?\d[\d. ]*,\d+$/;

/**
 * Decides what each column holds, which only all of its values together show: numbers where every one is a number, else
 * categories. Dates, free text and what is nearly numbers are problems.
 * @param columns that were asked for
 * @returns the values as their columns have them: numbers as numbers, categories as texts
 * @example settleColumns([{ price: '12' }, { price: 7 }], ['price']).references // [{ price: 12 }, { price: 7 }]
 */
export function settleColumns(
  references: readonly TableValues[],
  columns: readonly string[],
): SettledContent<TableValues> {
  const held = columns.map((name) => ({
    name,
    values: references.flatMap((values) => (Object.hasOwn(values, name) ? (values[name] ?? []) : [])),
  }));
  const numeric = new Set(
    held
      .filter(({ values }) => values.every((value) => asNumber(value) !== undefined))
      .map(({ name }) => name),
  );
  const problems = held.flatMap(({ name, values }) => {
    const problem = problemOfColumn(values, numeric.has(name));
    return problem === undefined ? [] : [{ at: `column ${quote(name)}`, problem }];
  });
  const settle = (name: string, value: string | number) =>
    numeric.has(name) ? (asNumber(value) ?? value) : String(value);
  return {
    problems,
    references: references.map((values) =>
      Object.fromEntries(presentValues(values).map(([name, value]) => [name, settle(name, value)])),
    ),
  };
}

function asNumber(value: string | number): number | undefined {
  return typeof value === 'number' ? value : numberIn(value);
}

function problemOfColumn(values: readonly (string | number)[], isNumeric: boolean): string | undefined {
  if (values.length === 0) return 'it has no value in any row; leave it out';
  if (isNumeric) {
    const large = values.find((value) => !(Math.abs(asNumber(value) ?? 0) <= tableBounds.number));
    return large === undefined
      ? undefined
      : `the number ${large} is larger than 1e15; write the numbers in another unit`;
  }
  const texts = values.map(String);
  const isNearlyAll = (test: (text: string) => boolean) =>
    texts.filter(test).length >= nearlyAll * texts.length;
  if (isNearlyAll((text) => datePattern.test(text)))
    return 'it holds dates, which are neither numbers nor categories; bring what matters of them as a column of its own, such as the month, or the days since a date';
  if (isNearlyAll((text) => commaPattern.test(text)))
    return 'it holds numbers with a decimal comma; write a point, and leave empty what is no number';
  if (isNearlyAll((text) => numberIn(text) !== undefined)) {
    const others = texts.filter((text) => numberIn(text) === undefined);
    return `${others.length} of its ${texts.length} values are not numbers, such as ${quote(itemAt(others, 0))}; leave these empty, or correct them`;
  }
  return problemOfTexts(texts);
}

/** Why texts are no categories; undefined where they are. */
function problemOfTexts(texts: readonly string[]): string | undefined {
  const distinct = new Set(texts);
  const hint = 'name the column as --text-column (over HTTP, textColumn), or leave it out';
  const long = texts.find(({ length }) => length > tableBounds.text);
  if (long !== undefined)
    return `it holds free text, such as ${quote(long)}; a category has ${tableBounds.text} characters at most: ${hint}`;
  if (distinct.size <= texts.length / 2) return undefined;
  const words = texts.reduce((sum, text) => sum + text.trim().split(/\s+/).length, 0) / texts.length;
  if (distinct.size <= mostDistinct && words < wordsOfSentence) return undefined;
  return `it holds free text: ${distinct.size} different values in ${texts.length} rows, such as ${quote(itemAt(texts, 0))}; ${hint}`;
}
