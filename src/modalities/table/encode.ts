import { TandemError } from '../../errors.ts';
import { numberIn } from '../../number-notation.ts';
import { quote, shorten } from '../../quote.ts';
import type { Fitted } from '../modality.ts';
import { columnWidth, namesOf, type TableSpecification, tableDimension } from './specification.ts';
import { presentValues, type TableValues, tableBounds } from './values.ts';

/** Numbers further from the mean than this many deviations count as this far: beyond it nothing was learnt. */
const farthest = 10;

/** Puts a value where its column begins. */
type Place = (features: Float32Array, value: string | number) => void;

/**
 * Makes ready to turn values of columns into features.
 * @returns what makes them, [dimension]; it throws TandemError `invalid-table` naming the column where a value is of
 *   another kind than in training, or the head knows no such column
 * @example openTable(specification).encode({ price: 30, brand: 'Acme' }) // Float32Array
 */
export function openTable(specification: TableSpecification): Fitted<TableValues> {
  const dimension = tableDimension(specification);
  const blank = new Float32Array(dimension);
  const places = new Map<string, Place>();
  let at = 0;
  for (const column of specification.columns) {
    const start = at;
    at += columnWidth(column);
    if (column.kind === 'number') {
      // Missing, unless a value says otherwise.
      blank[start + 1] = 1;
      places.set(column.name, numberPlace(column, start));
    } else places.set(column.name, categoryPlace(column, start));
  }
  const encode = (values: TableValues) => {
    const features = blank.slice();
    for (const [name, value] of presentValues(values)) {
      const place = places.get(name);
      if (!place)
        throw invalid(name, `there is no such column; the head was trained on ${namesOf(specification)}`);
      place(features, value);
    }
    return features;
  };
  return { encode };
}

function numberPlace(
  { name, mean, deviation }: { name: string; mean: number; deviation: number },
  start: number,
): Place {
  return (features, value) => {
    const number = typeof value === 'string' ? numberIn(value) : value;
    if (typeof number !== 'number' || !Number.isFinite(number))
      throw invalid(
        name,
        `${described(value)} is there, and a number was trained; send a number, or null where it is missing`,
      );
    const standardised = deviation === 0 ? 0 : (number - mean) / deviation;
    features[start] = Math.max(-farthest, Math.min(farthest, standardised));
    features[start + 1] = 0;
  };
}

function categoryPlace(
  { name, categories }: { name: string; categories: readonly string[] },
  start: number,
): Place {
  const indexOf = new Map(categories.map((category, index) => [category, index]));
  return (features, value) => {
    const isPlain = typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value));
    if (!isPlain)
      throw invalid(
        name,
        `${described(value)} is there, and a category was trained; send a text, or null where it is missing`,
      );
    const category = String(value).trim();
    if (category.length > tableBounds.text)
      throw invalid(name, `it has ${category.length} characters, ${tableBounds.text} are the limit`);
    features[start + (indexOf.get(category) ?? categories.length)] = 1;
  };
}

function described(value: unknown): string {
  return typeof value === 'string' ? `the text ${quote(value)}` : shorten(String(value));
}

function invalid(column: string, detail: string): TandemError {
  const at = `table.${shorten(column)}`;
  return new TandemError('invalid-table', `${at}: ${detail}`, { items: [{ at, detail }] });
}
