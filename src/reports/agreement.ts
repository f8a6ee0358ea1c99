import { h } from 'preact';
import { pairedInterval } from '../evaluation/intervals.ts';
import { largestIndex } from '../evaluation/single-label.ts';
import type { HeadManifest } from '../heads/manifest.ts';
import { count, percent, points } from './format.ts';
import { type Markup, paragraph, table } from './markup.ts';
import { isRight, type Outcome } from './outcome.ts';

interface Compared {
  fused: boolean;
  image: boolean;
  text: boolean;
}

/** Whether two modalities are better than one: who is right where, and fused against each alone. */
export function agreement({ encoders }: HeadManifest, outcomes: readonly Outcome[]): Markup {
  if (encoders.length < 2) return null;
  const compared = outcomes.flatMap((outcome): Compared[] => {
    const { image, text } = outcome.example.probabilities.unimodal;
    if (!image || !text) return [];
    const right = (opinion: Float64Array) => largestIndex(opinion) === outcome.actual;
    return [{ fused: isRight(outcome), image: right(image), text: right(text) }];
  });
  if (compared.length === 0) return null;
  const cases = [
    { name: 'Both alone are right', members: compared.filter(({ image, text }) => image && text) },
    { name: 'Only the image is right', members: compared.filter(({ image, text }) => image && !text) },
    { name: 'Only the text is right', members: compared.filter(({ image, text }) => !image && text) },
    { name: 'Neither is right', members: compared.filter(({ image, text }) => !image && !text) },
  ];
  return [
    h('h3', null, 'Are two modalities better than one?'),
    paragraph(gain(compared, 'image'), ' ', gain(compared, 'text')),
    table(
      `The ${count(compared.length, 'test example')} that ${compared.length === 1 ? 'has' : 'have'} both an image and a text`,
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

function gain(compared: readonly Compared[], modality: 'image' | 'text'): string {
  const total = compared.length;
  const gained = compared.filter((one) => one.fused && !one[modality]).length;
  const lost = compared.filter((one) => !one.fused && one[modality]).length;
  const [low, high] = pairedInterval(gained, lost, total);
  const verdict =
    low > 0 ? 'fused is better' : high < 0 ? `the ${modality} alone is better` : 'no difference can be told';
  return (
    `Against the ${modality} alone, ${verdict}: ${count(gained)} gained, ${count(lost)} lost, a difference in accuracy of ` +
    `${points((gained - lost) / total)} percentage points (95\u00a0% interval ${points(low)} to ${points(high)}).`
  );
}
