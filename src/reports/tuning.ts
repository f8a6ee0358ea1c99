import type { HeadManifest } from '../heads/manifest.ts';
import { pretrainedNames } from '../modalities/registry.ts';
import type { Section } from './document.ts';
import { count, decimal } from './format.ts';
import { paragraph, table } from './markup.ts';

/** What was trained of the encoders, and what that did to held-out examples; nothing of a head on pretrained features. */
export function tuningSections({ training: { tuning } }: HeadManifest): Section[] {
  if (!tuning) return [];
  const { blocks, ranks = {}, heldOut } = tuning;
  const parts = pretrainedNames.flatMap((modality) => {
    const trained = blocks[modality];
    if (trained === undefined) return [];
    const rank = ranks[modality];
    const how = rank === undefined ? '' : `, by adapters of rank ${rank}`;
    return [`the last ${count(trained, 'block')} of the ${modality} encoder${how}`];
  });
  const { examples, difference } = heldOut;
  const of = examples === undefined ? 'Examples' : count(examples, 'example');
  const content = [
    paragraph(
      `Trained with the head: ${parts.join(' and ')}. ${of} of the training side were held out of a trial of both heads; then the one that is kept was trained on.`,
    ),
    table(
      'Mean loss on the held-out examples, each head calibrated; lower is better',
      ['Head', 'Loss'].map((title, column) => ({ title, numeric: column > 0 })),
      [
        ['on the pretrained features', decimal(heldOut.frozen, 4)],
        ['tuned', decimal(heldOut.tuned, 4)],
        ...(difference ? [['difference, with its 95 % interval', intervalOf(difference)]] : []),
      ],
    ),
    paragraph(
      'The tuned head was kept, because its loss is at least 1 % lower and the interval of the difference lies below zero. Otherwise a note would say so, and the encoder would be as it was.',
    ),
  ];
  return [{ id: 'tuning', title: 'Did tuning the encoder pay?', content }];
}

function intervalOf({ mean, margin }: { mean: number; margin: number }): string {
  return `${decimal(mean, 4)} (${decimal(mean - margin, 4)} to ${decimal(mean + margin, 4)})`;
}
