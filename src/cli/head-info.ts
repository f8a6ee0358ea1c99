import type { Heads } from '../app/heads.ts';
import { encoderSettings } from '../config.ts';
import { targets } from '../targets/targets.ts';
import { example, openFor } from './options.ts';
import { describeAcceptance, metricsTable, print, printFields, printJson } from './output.ts';
import { subcommand } from './subcommand.ts';

/** Labels that are shown to a person. */
const shown = 20;

export const headInfo = subcommand(
  'info',
  'show a version',
  'Shows what a version answers, how good it was on its held-out examples, what it was trained on and whose features it takes.',
)
  .argument('<head>', 'name, name@version or name@alias')
  .addHelpText('after', example('heads info pets@3'))
  .action(async (reference, { json }, called) => {
    await using tandem = await openFor(called, encoderSettings);
    const head = await tandem.heads.info(reference);
    if (json) printJson(head);
    else show(head);
  });

type HeadInfo = Awaited<ReturnType<Heads['info']>>;

function show(head: HeadInfo): void {
  const { name, version, aliases, target, labels, encoders, training, metrics, acceptance, zeroShot } = head;
  const more = labels.length > shown ? `, … and ${labels.length - shown} more` : '';
  printFields({
    head: `${name}@${version}`,
    aliases: aliases.length > 0 ? aliases.join(', ') : undefined,
    answers: targets[target].describeAnswers(labels.length),
    labels: `${labels.slice(0, shown).join(', ')}${more}`,
    created: head.createdAt,
    ...(zeroShot ? { 'made of': 'the names of its labels, without examples' } : trainedOn(training)),
    ...Object.fromEntries(encoders.map((encoder) => [encoder.modality, describeEncoder(encoder)])),
    accepts: acceptance && describeAcceptance(acceptance),
  });
  if (zeroShot) return;
  print();
  print(metricsTable(metrics, target));
  if (training.refit)
    print(
      `measured on ${training.examples.test} examples by a head trained on the other ${training.examples.training}; the head that is served was then trained on all`,
    );
}

function trainedOn({ dataset, examples, refit, seed, recipe, tuning }: HeadInfo['training']) {
  return {
    'trained on': `${refit?.examples ?? examples.training} examples of ${dataset}`,
    'tested on': `${examples.test} examples`,
    strategy: recipe.strategy,
    seed,
    tuned: tuning && describeTuning(tuning),
  };
}

function describeTuning({ blocks, ranks, heldOut }: NonNullable<HeadInfo['training']['tuning']>): string {
  const parts = Object.entries(blocks).map(([modality, count]) => {
    const rank = Object.entries(ranks ?? {}).find(([name]) => name === modality)?.[1];
    return `${modality}:last-${count}${rank === undefined ? '' : `-lora-${rank}`}`;
  });
  return `${parts.join(', ')}; held-out loss ${heldOut.frozen.toFixed(4)} before, ${heldOut.tuned.toFixed(4)} tuned`;
}

function describeEncoder({ id, parts, license, fitted, origin }: HeadInfo['encoders'][number]): string {
  if (fitted !== undefined) return 'columns, fitted to its training rows';
  const licences = [...new Set((parts ?? [{ license }]).map((part) => part.license ?? 'unknown'))];
  const from = origin ? `, of ${origin.model}` : '';
  return `${id}${from} (licence ${licences.join(', ')})`;
}
