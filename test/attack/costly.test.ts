import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { whileAsked } from './answering.ts';
import { type Attack, AttackedServer } from './attacked-server.ts';
import { mostSoFar, underCeiling } from './ceiling.ts';
import { animatedWebp } from './payloads/animated-webp.ts';
import { costlyTexts, longWords } from './payloads/costly-texts.ts';
import { manyScansJpeg } from './payloads/many-scans-jpeg.ts';
import { postJson } from './payloads/requests.ts';

/** Milliseconds that a prediction may take here: what costs more ends at its deadline. */
const deadline = 2500;
/** Most inputs of a request. */
const most = 64;
/** Pixels of the largest images, just below 50 million. */
const [width, height] = [8000, 6248];

let server: AttackedServer;
beforeAll(async () => {
  server = await AttackedServer.start(
    ...['--max-loop-delay', '0', '--memory', '0', '--request-timeout', String(deadline)],
  );
  // What is compiled and loaded once is no attack's doing, nor is the memory of the largest batch.
  const small = images(await plain(300, 300).jpeg().toBuffer(), most);
  for (let round = 0; round < 3; round++) await server.send(small);
  await server.send(texts(2000, false));
});
afterAll(async () => {
  console.log(mostSoFar());
  await server?.[Symbol.asyncDispose]();
});

const plain = (width: number, height: number, channels: 3 | 4 = 3) =>
  sharp({ create: { width, height, channels, background: '#33669980' } });

function texts(count: number, isPacked: boolean): Attack {
  const request = { model: 'all-MiniLM-L6-v2', input: longWords(count) };
  return postJson('/v1/embeddings', `${count} texts`, request, { isPacked });
}

/** The same image so many times, each with another end. */
function images(image: Buffer, count: number): Attack {
  const inputs = Array.from({ length: count }, (_, index) => ({
    image: Buffer.concat([image, Buffer.of(index)]).toString('base64'),
  }));
  return postJson('/v1/predict', `${count} images`, { inputs });
}

/** Sends a request, and expects the ceiling of it while others are answered. @returns the answer's status */
async function expectCeiling(attack: Attack): Promise<number | undefined> {
  await server.settle();
  const { problem, silent, status } = await underCeiling(server, () =>
    whileAsked(server.address, () => server.send(attack)),
  );
  expect({ problem, silent }).toEqual({ silent: [] });
  // Whatever was decoded or encoded at the deadline ends within the grace.
  if (status === 504) expect(await server.workLeft()).toBeLessThan(0.3);
  return status;
}

it.each(['plain', 'gzip'])(
  '2,000 texts of words of 99 letters end at their deadline: %s',
  async (packing) => {
    expect(await expectCeiling(texts(2000, packing === 'gzip'))).toBe(504);
  },
);

it.each([
  [24, 1, 200],
  [24, most, 504],
  [1000, 1, 422],
  [1000, most, 200],
])('JPEGs of %i scans, %i in a request', async (scans, count, status) => {
  const attack = images(manyScansJpeg({ width, height, scans }), count);
  // One image may be late on a busy machine; each of many is an error of its own.
  expect([status, 504]).toContain(await expectCeiling(attack));
});

const largeImages: Record<string, () => Promise<Buffer>> = {
  'progressive JPEGs at 4:2:0': () => plain(width, height).jpeg({ progressive: true }).toBuffer(),
  'progressive JPEGs at 4:4:4': () =>
    plain(6000, 5100).jpeg({ progressive: true, chromaSubsampling: '4:4:4' }).toBuffer(),
  'interlaced PNGs': () => plain(width, height).png({ progressive: true }).toBuffer(),
  'wide PNGs': () => plain(24_000, 2000).png().toBuffer(),
  'wide PNGs with alpha': () => plain(20_000, 2400, 4).png().toBuffer(),
  'wide PNGs of 16 bits': () => plain(18_000, 2700).toColourspace('rgb16').png().toBuffer(),
  'wide interlaced PNGs': () => plain(16_000, 1000).png({ progressive: true }).toBuffer(),
  'animated WebPs': () => animatedWebp({ width: 4800, height: 4800, frames: 1900 }),
};

it.each(Object.keys(largeImages))('the largest %s, eight in a request', async (name) => {
  expect([200, 504]).toContain(await expectCeiling(images(await largeImages[name](), 8)));
});

it.each(Object.keys(costlyTexts))('explanations of eight long texts: %s', async (name) => {
  const text = costlyTexts[name as keyof typeof costlyTexts].repeat(6);
  const inputs = Array.from({ length: 8 }, (_, index) => ({ text: `${index} ${text}` }));
  const attack = postJson('/v1/predict', `explained ${name}`, { explain: true, explainParts: 64, inputs });
  expect([200, 504]).toContain(await expectCeiling(attack));
});

it('explanations of eight of the largest JPEGs', async () => {
  const image = await plain(width, height).jpeg().toBuffer();
  const inputs = Array.from({ length: 8 }, (_, index) => ({
    image: Buffer.concat([image, Buffer.of(index)]).toString('base64'),
  }));
  const attack = postJson('/v1/predict', 'explained JPEGs', { explain: true, explainParts: 64, inputs });
  expect([200, 504]).toContain(await expectCeiling(attack));
});

it('a WebP of more frames than it may have is refused before it is opened', async () => {
  const image = await animatedWebp({ width: 400, height: 300, frames: 280_000 });
  expect(await expectCeiling(images(image, 1))).toBe(422);
});

/** Rounds that the images are sent before it is judged: by then the server's threads have their memory, on a busy machine later. */
const mostRounds = 24;
/** Rounds that are compared. */
const rounds = 4;
/** MiB that the server may have more after so many rounds. What is left behind each time is more in any of them. */
const mostGrowth = 60;

it('wide PNGs of every kind, sent again and again, leave no more memory behind each time', async () => {
  const kinds = Object.keys(largeImages).filter((name) => name.includes('PNGs'));
  const requests: Attack[] = [];
  for (const kind of kinds) requests.push(images(await largeImages[kind](), 4));
  const left: number[] = [];
  const growth = () => left.at(-1)! - (left.at(-1 - rounds) ?? Number.NaN);
  while (left.length < mostRounds && !(left.length > rounds + 1 && growth() < mostGrowth)) {
    for (const request of requests) expect([200, 504]).toContain((await server.send(request)).status);
    await server.settle();
    left.push(await server.resident());
  }
  console.log(`MiB after each round of wide PNGs: ${left.map(Math.round).join(', ')}`);
  expect(growth()).toBeLessThan(mostGrowth);
});
