import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { Random } from '../../src/random.ts';

/**
 * Writes a dataset whose modalities learn at different speeds, and of which the truth is known:
 * `node bench/quality/two-speeds.ts --to two-speeds --rows 400`. A label is an animal and a relation. The text names the animal,
 * and another one in a tenth of the rows; it is learnt fast, and right in 0.9 at best. The image alone has the relation: whether
 * a square and a disc are on the same side. It is learnt slowly. So no head is right in more than 0.9 of all rows, and one that
 * takes the text alone in 0.45.
 */
const { values } = parseArgs({
  options: {
    to: { type: 'string' },
    rows: { type: 'string', default: '400' },
    seed: { type: 'string', default: '0' },
  },
});
const { to, rows, seed } = values;
if (to === undefined) throw new Error('--to: the folder to write is missing');

const animals = ['dog', 'cat', 'horse', 'duck'];
const side = 64;
const random = new Random(Number(seed), 'two speeds');
const pick = <Item>(items: readonly Item[]): Item => items[random.nextInteger(items.length)] as Item;
const number = (from: number, to: number) => from + random.nextInteger(to - from);
const colour = () => `rgb(${number(160, 256)}, ${number(160, 256)}, ${number(160, 256)})`;

await mkdir(path.join(to, 'images'), { recursive: true });
const lines = ['image,text,label'];
for (let row = 0; row < Number(rows); row++) {
  const animal = pick(animals);
  const isSame = random.nextInteger(2) === 1;
  const squareIsLeft = random.nextInteger(2) === 1;
  const xOf = (isLeft: boolean) => (isLeft ? number(4, 18) : number(34, 48));
  const [square, disc] = [xOf(squareIsLeft), xOf(squareIsLeft === isSame)];
  const [top, bottom] = [number(2, 18), number(36, 50)];
  const [squareY, discY] = random.nextInteger(2) === 1 ? [top, bottom] : [bottom, top];
  // Backgrounds differ so much that no two images are near copies, which a split keeps on one side.
  const clouds = Array.from({ length: 12 }, () => {
    const grey = number(0, 120);
    return `<ellipse cx="${number(0, side)}" cy="${number(0, side)}" rx="${number(6, 24)}" ry="${number(6, 24)}" fill="rgb(${grey}, ${grey}, ${grey})"/>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}">
    <rect width="${side}" height="${side}" fill="black"/>
    ${clouds.join('')}
    <rect x="${square}" y="${squareY}" width="12" height="12" fill="${colour()}"/>
    <circle cx="${disc + 6}" cy="${discY + 6}" r="6" fill="${colour()}"/>
  </svg>`;
  const name = `images/${row}.png`;
  await sharp(Buffer.from(svg)).png().toFile(path.join(to, name));
  const said = random.nextInteger(10) === 0 ? pick(animals.filter((other) => other !== animal)) : animal;
  lines.push(`${name},note ${number(100, 1000)} is about a ${said},${animal} ${isSame ? 'same' : 'other'}`);
}
await writeFile(path.join(to, 'metadata.csv'), `${lines.join('\n')}\n`);
