import { h } from 'preact';
import type { TrainingHistory } from '../training/loop/history.ts';
import { curvesPlot } from './curve.ts';
import { count, wholePercent } from './format.ts';
import { figure, type Markup, paragraph } from './markup.ts';
import type { TrainingSettings } from './settings.ts';

/** Loss, accuracy and gradient over the steps. */
export function learning(history: TrainingHistory, { warmUp, clipNorm }: TrainingSettings): Markup {
  const steps = history.loss.length;
  if (steps === 0) return paragraph('No steps were recorded.');
  const chart = (title: string, name: keyof TrainingHistory, description: string, reading: string) =>
    figure(
      title,
      null,
      curvesPlot({
        description,
        curves: [{ kind: 'fused', values: history[name] as number[] }],
        ...(name === 'accuracy' && { domain: [0, 1], format: wholePercent }),
        reference: name === 'gradientNorm' ? clipNorm : undefined,
        warmUp,
      }),
      reading,
    );
  const clipping = clipNorm === undefined ? '' : ` What is above ${clipNorm} (dashed) was scaled down to it.`;
  return [
    paragraph(
      `${count(steps, 'step')}. The pale line is each step’s own batch, the strong one its moving average over a `,
      'twentieth of the steps.',
      warmUp > 0 &&
        ` The shaded start is the warm-up: ${count(warmUp, 'step')} in which nothing is balanced yet.`,
    ),
    h(
      'div',
      { class: 'figures three' },
      chart(
        'Loss',
        'loss',
        `Training loss over ${steps} steps`,
        'The mean loss of the batch, auxiliary losses included. It should fall and level off. Still falling at the end ' +
          'means that more epochs may help; a jump at the end of the warm-up comes from the auxiliary losses’ new weight.',
      ),
      history.accuracy.length > 0 &&
        chart(
          'Batch accuracy',
          'accuracy',
          `Accuracy on the training batches over ${steps} steps`,
          'Share of the batch that the fused answer gets right, with dropout on, so a little lower than without. Far above ' +
            'the test accuracy means that the head has learned its training examples by heart.',
        ),
      chart(
        'Gradient norm',
        'gradientNorm',
        `Norm of the gradient over ${steps} steps`,
        `Length of the whole gradient before clipping. It should calm down; spikes point to odd examples or too high a learning rate.${clipping}`,
      ),
    ),
  ];
}
