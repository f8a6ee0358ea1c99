import pMap from 'p-map';
import { itemAt } from '../../indexing.ts';
import type { Modality } from '../../modalities/modality.ts';
import { type ModalityName, modalities } from '../../modalities/registry.ts';
import type { FoundExample } from '../example.ts';
import type { Findings } from '../read/findings.ts';

const atOnce = 4;

/** Content that examples have in common, and their places in the list. */
interface Distinct {
  reference: unknown;
  places: number[];
}

/**
 * Checks content that must be looked at to be known as good, and adds what is found out about it. What several examples
 * have is looked at once.
 * @param onProgress counts the examples that are done, once for each modality that is looked at
 */
export async function checkContent(
  found: readonly FoundExample[],
  findings: Findings,
  onProgress?: (done: number, total: number) => void,
): Promise<FoundExample[]> {
  let checked = [...found];
  for (const modality of modalities)
    if (modality.check) checked = await checkModality(checked, modality, findings, onProgress);
  return checked;
}

async function checkModality(
  examples: readonly FoundExample[],
  { name, identityOf, check }: Modality<ModalityName>,
  findings: Findings,
  onProgress?: (done: number, total: number) => void,
): Promise<FoundExample[]> {
  const distinct = new Map<string, Distinct>();
  for (const [place, { content }] of examples.entries()) {
    const reference = content[name];
    if (reference === undefined) continue;
    const identity = identityOf(reference);
    const known = distinct.get(identity);
    if (known) known.places.push(place);
    else distinct.set(identity, { reference, places: [place] });
  }
  let done = examples.length - distinct.values().reduce((sum, { places }) => sum + places.length, 0);
  if (done > 0) onProgress?.(done, examples.length);
  const checked = [...examples];
  await pMap(
    distinct.values(),
    async ({ reference, places }) => {
      const outcome = await check?.(reference);
      for (const place of places) {
        const example = itemAt(examples, place);
        if (outcome && 'reference' in outcome)
          checked[place] = { ...example, content: { ...example.content, [name]: outcome.reference } };
        else if (outcome) findings.addRowProblem(example.at, outcome.problem);
      }
      done += places.length;
      onProgress?.(done, examples.length);
    },
    { concurrency: atOnce },
  );
  return checked;
}
