import { TandemError } from '../errors.ts';
import { type ModalityName, modalityNames } from '../modalities/registry.ts';
import { distinctLabels } from '../targets/labels.ts';
import { targets } from '../targets/targets.ts';
import { checkLabels } from './check/labels.ts';
import type { Dataset } from './example.ts';
import { describeProblems, Findings } from './read/findings.ts';

/** The modalities that any example has. */
export function modalitiesIn({ examples }: Pick<Dataset, 'examples'>): ModalityName[] {
  return modalityNames.filter((name) => examples.some(({ content }) => content[name] !== undefined));
}

/**
 * The examples that have a modality: what a head for it alone can learn from.
 * @throws TandemError `invalid-dataset` where a label is left without an example, or with too few to train on
 * @example const images = withModality(dataset, 'image');
 */
export function withModality(dataset: Dataset, modality: ModalityName): Dataset {
  const examples = dataset.examples.filter(({ content }) => content[modality] !== undefined);
  const [all, left] = [dataset.examples, examples].map((some) =>
    distinctLabels(some.map(({ truth }) => truth)),
  );
  const lost = new Set(all).difference(new Set(left));
  if (lost.size > 0)
    throw new TandemError(
      'invalid-dataset',
      `no example of ${[...lost].map((label) => JSON.stringify(label)).join(', ')} has ${modality} to learn from; bring some, or take another strategy`,
    );
  const findings = new Findings();
  const found = examples.map((example) => ({ ...example, at: `row ${example.row}` }));
  const name = `${dataset.name}, of which ${examples.length} examples have ${modality},`;
  const { target } = dataset;
  const whole = dataset.examples.map((example) => ({ ...example, at: `row ${example.row}` }));
  // A whole dataset has such labels only where they were to be kept.
  const rareLabels = targets[target].tooRare?.(whole).length ? 'keep' : 'refuse';
  checkLabels(found, { columns: { target, rareLabels }, dataset: name, purpose: 'training' }, findings);
  if (findings.problemCount > 0) throw describeProblems(name, findings.problems());
  return { ...dataset, examples };
}
