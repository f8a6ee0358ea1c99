import { h } from 'preact';
import { pairedInterval } from '../evaluation/intervals.ts';
import { largestIndex } from '../evaluation/single-label.ts';
import type { HeadManifest } from '../heads/manifest.ts';
import type { ModalityName } from '../modalities/registry.ts';
import { count, percent, points } from './format.ts';
import { type Markup, paragraph, table } from './markup.ts';
import { isRight, type Outcome } from './outcome.ts';

interface Compared {
  fused: boolean;
  /** The modalities that are right alone. */
  right: ReadonlySet<ModalityName>;
}

/** Whether several modalities are better than one: who is right where, and fused against each alone. */
export function agreement({ encoders }: HeadManifest, outcomes: readonly Outcome[]): Markup {
  const used = encoders.map(({ modality }) => modality);
  if (used.length < 2) return null;
  const compared = outcomes.flatMap((outcome): Compared[] => {
    const { unimodal } = outcome.example.probabilities;
    if (!used.every((modality) => unimodal[modality])) return [];
    const isRightAlone = (modality: ModalityName) =>
      largestIndex(unimodal[modality] ?? []) === outcome.actual;
    return [{ fused: isRight(outcome), right: new Set(used.filter(isRightAlone)) }];
  });
  if (compared.length === 0) return null;
  const [all, none] =
    used.length === 2 ? ['Both alone are', 'Neither is'] : ['Each alone is', 'None alone is'];
  const having = (count: number) => compared.filter(({ right }) => right.size === count);
  const cases = [
    { name: `${all} right`, members: having(used.length) },
    ...(used.length > 2
      ? [
          {
            name: 'Several, not all, are right',
            members: compared.filter(({ right }) => right.size > 1 && right.size < used.length),
          },
        ]
      : []),
    ...used.map((modality) => ({
      name: `Only the ${modality} is right`,
      members: having(1).filter(({ right }) => right.has(modality)),
    })),
    { name: `${none} right`, members: having(0) },
  ];
  const content = used.map((modality) => `${/^[aeiou]/.test(modality) ? 'an' : 'a'} ${modality}`);
  const listed = new Intl.ListFormat('en').format(content);
  return [
    h(
      'h3',
      null,
      used.length === 2 ? 'Are two modalities better than one?' : 'Are several modalities better than one?',
    ),
    paragraph(used.map((modality) => gain(compared, modality)).join(' ')),
    table(
      `The ${count(compared.length, 'test example')} that ${compared.length === 1 ? 'has' : 'have'} ${used.length === 2 ? 'both ' : ''}${listed}`,
      [
        { title: 'Case' },
        { title: 'Examples', numeric: true },
        { title: 'Fused is right on', numeric: true },
        { title: 'Share', numeric: true },
      ],
      cases.map(({ name, members }) => {
        const right = members.filter(({ fused }) => fused).length;
        return [name, count(members.length), count(right), percent(right / members.length)];
      }),
    ),
  ];
}

function gain(compared: readonly Compared[], modality: ModalityName): string {
  const total = compared.length;
  const gained = compared.filter((one) => one.fused && !one.right.has(modality)).length;
  const lost = compared.filter((one) => !one.fused && one.right.has(modality)).length;
  const [low, high] = pairedInterval(gained, lost, total);
  const verdict =
    low > 0 ? 'fused is better' : high < 0 ? `the ${modality} alone is better` : 'no difference can be told';
  return (
    `Against the ${modality} alone, ${verdict}: ${count(gained)} gained, ${count(lost)} lost, a difference in accuracy of ` +
    `${points((gained - lost) / total)} percentage points (95\u00a0% interval ${points(low)} to ${points(high)}).`
  );
}
