import { describe, expect, it } from 'vitest';
import { itemAt, required } from '../../../../src/indexing.ts';
import { mainDirections } from '../../../../src/modalities/text/lexical/directions.ts';
import { lexical } from '../../../../src/modalities/text/lexical/lexical.ts';
import { buckets, weighNgrams } from '../../../../src/modalities/text/lexical/ngrams.ts';
import { times } from '../../../../src/modalities/text/lexical/sparse-rows.ts';
import { Random } from '../../../../src/random.ts';

const random = new Random(0, 'texts');
const words = Array.from({ length: 40 }, () =>
  Array.from({ length: 6 }, () => String.fromCharCode(0x3042 + random.nextInteger(60))).join(''),
);
const texts = Array.from({ length: 120 }, () =>
  Array.from({ length: 5 }, () => itemAt(words, random.nextInteger(words.length))).join(' '),
);
const fitted = required(lexical.fit(texts), 'what was fitted');

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, index) => sum + value * itemAt(b, index), 0);

describe('n-grams', () => {
  it('are the runs of two to five characters, however a text is written', () => {
    // ' ab ': ' a', ' ab', ' ab ', 'ab', 'ab ', 'b '.
    expect(weighNgrams('ab').places).toHaveLength(6);
    expect(weighNgrams('  ＡＢ\n')).toEqual(weighNgrams('ab'));
    expect(weighNgrams('')).toEqual(weighNgrams(' \t'));
  });

  it('weigh 1 + ln n, brought to length 1', () => {
    const { places, weights } = weighNgrams('abab');
    expect(dot(weights, weights)).toBeCloseTo(1, 6);
    const once = itemAt(weights, places.indexOf(itemAt(weighNgrams('ab').places, 0)));
    const twice = Math.max(...weights);
    expect(twice / once).toBeCloseTo(1 + Math.log(2), 5);
  });

  it('of a very long text are those of its beginning', () => {
    const beginning = 'a bicycle '.repeat(300);
    expect(weighNgrams(`${beginning}and something else`)).toEqual(weighNgrams(beginning));
  });
});

it('projects training rows to directions that say nothing twice, each with the same spread', () => {
  const rows = texts.map(weighNgrams);
  const projected = times(rows, mainDirections(rows, buckets, 30));
  const column = (k: number) =>
    Float64Array.from({ length: rows.length }, (_, row) => itemAt(projected.values, row * 30 + k));
  for (let k = 0; k < 30; k++)
    for (let other = 0; other <= k; other++)
      expect(Math.abs(dot(column(k), column(other)) - Number(k === other))).toBeLessThan(0.15);
});

it('makes features of a mean of 0 over the training texts, the same bytes for the same texts', () => {
  expect(Buffer.from(required(lexical.fit(texts), 'again')).equals(fitted)).toBe(true);
  const { dimension, encode } = lexical.open(fitted);
  expect(dimension).toBe(40);
  const features = texts.map(encode);
  for (let k = 0; k < dimension; k++)
    expect(features.reduce((sum, row) => sum + itemAt(row, k), 0) / texts.length).toBeCloseTo(0, 5);
});

it('puts texts that share words nearer than others', () => {
  const { encode } = lexical.open(fitted);
  const [one, other] = [itemAt(texts, 0), itemAt(texts, 1)];
  const near = `${one.split(' ').slice(0, 4).join(' ')} ${itemAt(words, 7)}`;
  const cosine = (a: Float32Array, b: Float32Array) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  expect(cosine(encode(one), encode(near))).toBeGreaterThan(cosine(encode(one), encode(other)) + 0.3);
});

it('makes nothing of too few texts', () => {
  expect(lexical.fit(texts.slice(0, 20))).toBeUndefined();
});

it('refuses bytes that it did not write, and says what is wrong with them', () => {
  const line = fitted.indexOf('\n'.charCodeAt(0)) + 1;
  const header = JSON.parse(Buffer.from(fitted.subarray(0, line)).toString());
  const withHeader = (changes: object) =>
    Buffer.concat([Buffer.from(`${JSON.stringify({ ...header, ...changes })}\n`), fitted.subarray(line)]);
  expect(() => lexical.open(new Uint8Array())).toThrow(/JSON/);
  expect(() => lexical.open(withHeader({ dimension: 1e9 }))).toThrow(/dimension/);
  expect(() => lexical.open(withHeader({ dimension: 41 }))).toThrow('it ends too early');
  expect(() => lexical.open(Buffer.concat([fitted, Buffer.alloc(1)]))).toThrow('it has more than it says');
  const falling = Buffer.from(fitted);
  falling.writeUInt16LE(buckets - 1, line);
  expect(() => lexical.open(falling)).toThrow('its buckets do not rise');
  const endless = Buffer.from(fitted);
  endless.writeFloatLE(Number.POSITIVE_INFINITY, line + 2 * header.buckets);
  expect(() => lexical.open(endless)).toThrow('it has a number that is not finite');
});
