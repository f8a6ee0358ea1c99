import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Encoder } from '../../src/encoders/encoder.ts';
import type { Encoders } from '../../src/encoders/encoders.ts';
import type { Head, ItemProbabilities } from '../../src/heads/head.ts';
import type { ItemFeatures } from '../../src/heads/item-features.ts';
import { Random } from '../../src/random.ts';
import { texts } from '../serve/texts.ts';
import { median } from '../statistics.ts';
import { usedDeviceMemory } from './device.ts';

const fixtures = path.join(import.meta.dirname, '..', '..', 'test', 'fixtures', 'encoders');
const photographs = ['coffee.jpg', 'cat.jpg', 'astronaut.jpg', 'rocket.jpg'];

/** Decoded images and tokenized texts, as many of each. */
export interface Prepared {
  pixels: unknown[];
  tokens: unknown[];
}

/** The same images and texts again and again: nothing here is remembered. */
export async function prepare(
  {
    byModality: {
      image: [image],
      text: [text],
    },
  }: Encoders,
  count: number,
): Promise<Prepared> {
  const images = await Promise.all(
    photographs.map(async (name) => image.prepare(await readFile(path.join(fixtures, name)))),
  );
  const sentences = await Promise.all(texts.map((each) => text.prepare(each)));
  const repeated = <Each>(items: readonly Each[]) =>
    Array.from({ length: count }, (_, index) => items[index % items.length]);
  return { pixels: repeated(images), tokens: repeated(sentences) };
}

export interface PredictionSpeed {
  batch: number;
  /** Items a second of each part, and of all three one after the other: medians over the runs. */
  images: number;
  texts: number;
  answers: number;
  predictions: number;
  /** Milliseconds of the first images of this shape, for which CUDA first looks for its fastest convolutions. */
  firstRun: number;
  /** MiB of the device in use afterwards. */
  deviceMemory?: number;
}

/** Times batches of prepared items: copies to the device and back are in it, decoding and tokenizing are not. */
export async function timePredictions(
  encoders: Encoders,
  head: Head,
  { pixels, tokens }: Prepared,
  { batch, seconds }: { batch: number; seconds: number },
): Promise<PredictionSpeed> {
  const images = pixels.slice(0, batch);
  const sentences = tokens.slice(0, batch);
  const firstRun = await timed(() => encoders.byModality.image[0].encode(images));
  const features = await encode(encoders, { pixels: images, tokens: sentences });
  await head.classify(features);
  const parts = {
    images: () => encoders.byModality.image[0].encode(images),
    texts: () => encoders.byModality.text[0].encode(sentences),
    answers: () => head.classify(features),
  };
  const took: Record<keyof typeof parts, number[]> = { images: [], texts: [], answers: [] };
  const end = performance.now() + 1000 * seconds;
  do
    for (const part of Object.keys(parts) as (keyof typeof parts)[])
      took[part].push(await timed(parts[part]));
  while (performance.now() < end || took.answers.length < 3);
  const rate = (milliseconds: number) => (1000 * batch) / milliseconds;
  const together = took.answers.map((answers, run) => answers + took.images[run] + took.texts[run]);
  return {
    batch,
    images: rate(median(took.images)),
    texts: rate(median(took.texts)),
    answers: rate(median(took.answers)),
    predictions: rate(median(together)),
    firstRun,
    deviceMemory: await usedDeviceMemory(),
  };
}

/** Images a second where batches of 1 to 64 follow each other in a fixed random order, as a server's do. */
export async function timeMixedSizes(
  {
    byModality: {
      image: [image],
    },
  }: Encoders,
  { pixels }: Prepared,
  seconds: number,
): Promise<number> {
  const random = new Random(0, 'sizes of batches');
  const end = performance.now() + 1000 * seconds;
  const started = performance.now();
  let images = 0;
  do {
    const size = 1 + random.nextInteger(64);
    await image.encode(pixels.slice(0, size));
    images += size;
  } while (performance.now() < end);
  return (1000 * images) / (performance.now() - started);
}

/** Largest differences between what two devices say of the same items. */
export interface PredictionAgreement {
  /** Of a feature, as a share of the largest feature of its item. */
  features: { image: number; text: number };
  /** Of a probability. */
  probabilities: number;
}

/** Compares encoders and heads on one device with those on another, item by item, in batches of their own. */
export async function comparePredictions(
  one: { encoders: Encoders; head: Head },
  other: { encoders: Encoders; head: Head },
  prepared: Prepared,
): Promise<PredictionAgreement> {
  const [ours, theirs] = [await encode(one.encoders, prepared), await encode(other.encoders, prepared)];
  const apart = (modality: 'image' | 'text') =>
    Math.max(
      ...ours.map((item, index) => {
        const reference = theirs[index][modality]!;
        return largestDifference(item[modality]!, reference) / Math.max(...reference.map(Math.abs));
      }),
    );
  const [answers, others] = [await one.head.classify(ours), await other.head.classify(theirs)];
  return {
    features: { image: apart('image'), text: apart('text') },
    probabilities: Math.max(...answers.map((answer, index) => answersApart(answer, others[index]))),
  };
}

/** @throws RangeError where the lengths differ */
export function largestDifference(ours: ArrayLike<number>, theirs: ArrayLike<number>): number {
  if (ours.length !== theirs.length) throw new RangeError(`${ours.length} numbers against ${theirs.length}`);
  let largest = 0;
  for (let index = 0; index < ours.length; index++)
    largest = Math.max(largest, Math.abs(ours[index] - theirs[index]));
  return largest;
}

function answersApart(ours: ItemProbabilities, theirs: ItemProbabilities): number {
  const { image, text } = ours.unimodal;
  return Math.max(
    largestDifference(ours.fused, theirs.fused),
    largestDifference(image!, theirs.unimodal.image!),
    largestDifference(text!, theirs.unimodal.text!),
  );
}

async function encode(
  {
    byModality: {
      image: [image],
      text: [text],
    },
  }: Encoders,
  { pixels, tokens }: Prepared,
): Promise<ItemFeatures[]> {
  const inBatches = async (encoder: Encoder, items: readonly unknown[]) => {
    const rows: Float32Array[] = [];
    for (let first = 0; first < items.length; first += 64)
      rows.push(...(await encoder.encode(items.slice(first, first + 64))));
    return rows;
  };
  const [images, sentences] = [await inBatches(image, pixels), await inBatches(text, tokens)];
  return images.map((features, index) => ({ image: features, text: sentences[index] }));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
