import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type Encoders, loadEncoders } from '../../src/encoders/encoders.ts';

const batch = 16;

/**
 * Items a second of the encoders alone, on tensors that are ready: batches of 16 images, then of 16 texts, one after
 * the other on all threads.
 */
export async function measureLimit(
  models: string,
  {
    images,
    texts,
    threads,
    seconds,
  }: { images: string[]; texts: string[]; threads: number; seconds: number },
): Promise<number> {
  const encoders = await loadEncoders({
    encoders: {
      image: [path.join(models, 'efficientnet-lite0-whole')],
      text: [path.join(models, 'all-MiniLM-L6-v2')],
    },
    provider: 'cpu',
    threads,
    engines: 1,
  });
  try {
    const pixels = await Promise.all(
      images
        .slice(0, batch)
        .map(async (file) => encoders.byModality.image[0].prepare(await readFile(path.resolve(file)))),
    );
    const tokens = await Promise.all(
      texts.slice(0, batch).map((text) => encoders.byModality.text[0].prepare(text)),
    );
    await encodeBoth(encoders, pixels, tokens);
    const started = performance.now();
    let items = 0;
    while (performance.now() - started < 1000 * seconds) {
      await encodeBoth(encoders, pixels, tokens);
      items += batch;
    }
    return items / ((performance.now() - started) / 1000);
  } finally {
    await encoders.close();
  }
}

async function encodeBoth(
  {
    byModality: {
      image: [image],
      text: [text],
    },
  }: Encoders,
  pixels: unknown[],
  tokens: unknown[],
): Promise<void> {
  await image.encode(pixels);
  await text.encode(tokens);
}
