import type { Random } from '../../src/random.ts';

/** Inputs of a whole run, and how many of them each file here makes. */
const inputs = Number(process.env.FUZZ_INPUTS ?? 50_000);
export const shares = {
  images: Math.ceil(0.5 * inputs),
  uploads: Math.ceil(0.1 * inputs),
  requests: Math.ceil(0.4 * inputs),
};

/** Other seeds are other inputs. */
export const firstSeed = Number(process.env.FUZZ_SEED ?? 1);

type Change = (bytes: Buffer, random: Random) => Buffer;

const changes: Change[] = [
  // Some bytes are others.
  (bytes, random) => {
    const changed = Buffer.from(bytes);
    for (let times = 1 + random.nextInteger(8); times > 0; times--)
      changed[random.nextInteger(changed.length)] = random.nextInteger(256);
    return changed;
  },
  // A bit at the beginning, where formats say what they are and how large.
  (bytes, random) => {
    const changed = Buffer.from(bytes);
    changed[random.nextInteger(Math.min(64, changed.length))] ^= 1 << random.nextInteger(8);
    return changed;
  },
  // It breaks off.
  (bytes, random) => bytes.subarray(0, random.nextInteger(bytes.length)),
  // A piece is missing.
  (bytes, random) => {
    const [start, length] = [random.nextInteger(bytes.length), random.nextInteger(200)];
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + length)]);
  },
  // A piece comes twice.
  (bytes, random) => {
    const [start, length] = [random.nextInteger(bytes.length), random.nextInteger(200)];
    return Buffer.concat([bytes.subarray(0, start + length), bytes.subarray(start)]);
  },
  // A number is as large as it can be.
  (bytes, random) => {
    const changed = Buffer.from(bytes);
    const start = random.nextInteger(changed.length);
    return changed.fill(0xff, start, Math.min(start + 4, changed.length));
  },
];

/** The bytes with something wrong: one change, or several. */
export function mutate(bytes: Buffer, random: Random): Buffer {
  let changed = bytes;
  for (let times = 1 + random.nextInteger(3); times > 0 && changed.length > 0; times--)
    changed = changes[random.nextInteger(changes.length)](changed, random);
  return changed;
}
