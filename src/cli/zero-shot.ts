import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { encoderSettings } from '../config.ts';
import { product } from '../product.ts';
import { zeroShotTargets } from '../training/zero-shot/request.ts';
import { readWrittenList } from '../written-list.ts';
import { addSettings, example, givenFlags, openFor, placeSettings } from './options.ts';
import { print, printJson } from './output.ts';

const command = new Command('zero-shot')
  .summary('make a head of the names of its labels, without any example')
  .description(
    'Makes a head of the names of its labels, which serves before any training. A pair of encoders, such as CLIP or SigLIP, named by both --image-encoder and --text-encoder, answers from images, texts and both; any other text encoder answers from texts, by the label whose name is nearest.',
  )
  .argument('<name>', 'name of the head; one that exists gets its next version')
  .requiredOption('--labels <names>', 'the labels, with commas between them, or a JSON list', labelList)
  .option(
    '--template <text>',
    'a text with {} in place of the label; may be given several times, and a label is then the mean (default: "This is a photo of {}." of a pair, else the label alone)',
    (template: string, others: string[] | undefined) => [...(others ?? []), template],
  )
  .addOption(
    new Option('--target <target>', 'one label, or each label by itself (of a pair with a bias, as SigLIP)')
      .choices(zeroShotTargets)
      .default('single' as const),
  )
  .option('--logit-scale <number>', 'what cosines are multiplied by (default: the pair’s own)', finite)
  .option('--logit-bias <number>', 'what is added to them (default: the pair’s own)', finite)
  .option('--json', 'print one JSON object');

export const zeroShot = addSettings(command, encoderSettings)
  .addHelpText(
    'after',
    example('heads zero-shot animals --labels cat,dog,"a red car" --template "a photo of {}"'),
  )
  .action(async (name, { json, labels, template: templates, ...options }, called) => {
    await using tandem = await openFor(called, encoderSettings);
    const { target, logitScale, logitBias } = options;
    const needsImages = givenFlags(called, ['image-encoder']).length > 0;
    const made = await tandem.heads.zeroShot(name, {
      ...{ labels, templates, target, logitScale, logitBias, needsImages },
    });
    if (json) return printJson(made);
    const { head, version, modalities, encoders } = made;
    const names = encoders.map(({ modality, id }) => `${modality} (${id})`);
    print(
      `${head}@${version}: ${made.labels.length} labels, answers from ${names.join(' and ')}, not measured`,
    );
    const input = modalities[0] === 'image' ? '--image photo.jpg' : "--text 'a text'";
    const given = givenFlags(called, placeSettings);
    print('next:');
    print(`  ${[product.invocation, 'predict', '--head', head, input, ...given].join(' ')}`);
    print(`  ${[product.invocation, 'evaluate', 'photos/', '--head', head, ...given].join(' ')}`);
  });

function labelList(text: string): string[] {
  const labels = readWrittenList(text) ?? text.split(',');
  if (!labels.every((label) => typeof label === 'string'))
    throw new InvalidArgumentError('A list must hold texts.');
  return labels.map((label) => label.trim());
}

function finite(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !Number.isFinite(number)) throw new InvalidArgumentError('It must be a number.');
  return number;
}
