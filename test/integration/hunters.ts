const animals = ['dog', 'cat', 'horse', 'fox', 'bear', 'duck', 'goat', 'lion', 'wolf'];

/** Who chases whom: 72 texts that a head on frozen features hardly tells apart, because the words are the same. */
const chases = animals.flatMap((hunter) =>
  animals
    .filter((other) => other !== hunter)
    .map((prey) => ({ hunter, text: `the ${hunter} chases the ${prey}` })),
);

/** A table of them. @param labelOf what a text is labelled with */
export function hunters(labelOf: (hunter: string, row: number) => string): string {
  const rows = chases.map(({ text, hunter }, row) => `${text},${labelOf(hunter, row)}\n`);
  return `text,label\n${rows.join('')}`;
}
