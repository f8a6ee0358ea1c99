import { Command, Option } from '@commander-js/extra-typings';
import type { EncoderSummary, InstalledEncoders } from '../app/encoders.ts';
import { encoderFlags, encoderSettings } from '../config.ts';
import { separateNames } from '../encoder-list.ts';
import { poolingNames } from '../encoders/model/pooling.ts';
import { dtypes } from '../encoders/model/weights.ts';
import type { EncoderProof } from '../encoders/origin.ts';
import { largestDifference } from '../encoders/prove.ts';
import { pretrainedNames } from '../modalities/registry.ts';
import { product } from '../product.ts';
import { example, examples, numberOption, openFor } from './options.ts';
import { print, printAside, printFields, printJson, table } from './output.ts';
import { progressBar } from './progress-bar.ts';
import { subcommand } from './subcommand.ts';

const list = subcommand(
  'list',
  'list the encoders that heads may be trained with',
  'Lists the encoders that ship with the program and those that were added.',
)
  .addHelpText('after', example('encoders list'))
  .action(async ({ json }, called) => {
    await using tandem = await openFor(called, encoderSettings);
    const { encoders, damaged } = await tandem.encoders.list();
    if (json) return printJson({ encoders, ...(damaged.length > 0 && { damaged }) });
    const rows = encoders.map(({ id, modality, dimension, place, license }) => [
      ...[id, modality, String(dimension), license ?? 'unknown', place],
    ]);
    print(table([['encoder', 'modality', 'features', 'licence', 'place'], ...rows]));
    for (const { problem } of damaged) printAside(`damaged: ${problem}`);
  });

const add = subcommand(
  'add',
  'add a model of the hub, or a folder, as an encoder',
  'Makes an encoder of a model of the Hugging Face hub, or of a folder that is laid out as one: config.json, tokenizer.json or preprocessor_config.json, and an ONNX file. How it encodes is read from those files; what they leave open is asked for by the name of the option. It is proved before it is kept: an item has the same features alone, in a batch and twice.',
)
  .argument('<model>', 'OWNER/NAME or OWNER/NAME@REVISION of the hub, or a folder')
  .option('--name <id>', 'what it is called; the model’s or the folder’s name by default')
  .addOption(
    new Option('--dtype <type>', 'which of its ONNX files; fp32, else fp16, by default').choices(dtypes),
  )
  .addOption(new Option('--modality <name>', 'of a model that encodes several').choices(pretrainedNames))
  .addOption(new Option('--pooling <kind>', 'how tokens become the features of a text').choices(poolingNames))
  .option('--no-normalize', 'leave features as long as they are; else they are scaled to length 1')
  .option('--prefix <text>', 'what is put before every text, such as "query: "')
  .option('--max-tokens <count>', 'most tokens of a text', numberOption(2, 100_000))
  .option('--license <name>', 'licence of the weights, where its README.md names none')
  .option('--allow-batch-dependence', 'take a model whose features depend on what else is in the batch')
  .addHelpText(
    'after',
    examples('encoders add Xenova/bge-small-en-v1.5 --pooling cls', 'encoders add ./my-model'),
  )
  .action(async (model, { json, name: id, normalize, ...options }, called) => {
    await using tandem = await openFor(called, encoderSettings);
    // Left to the model's files unless it is said.
    const given = { ...options, id, ...(normalize === false && { normalize }) };
    const encoder = await tandem.encoders.add(model, { ...given, onProgress: progressBar() });
    if (json) return printJson(encoder);
    describe(encoder);
    if (encoder.origin) showProof(encoder.origin.proof);
    const flag = encoderFlags[encoder.modality];
    print(`next:\n  ${product.invocation} train photos/ --head pets --${flag} ${encoder.id}`);
  });

const info = subcommand('info', 'show an encoder', 'Shows where an encoder comes from and how it encodes.')
  .argument('<encoder>', 'its id, or the beginning of its fingerprint')
  .addHelpText('after', example('encoders info all-MiniLM-L6-v2'))
  .action(async (reference, { json }, called) => {
    await using tandem = await openFor(called, encoderSettings);
    const encoder = await tandem.encoders.get(reference);
    if (json) printJson(encoder);
    else describe(encoder);
  });

const check = subcommand(
  'check',
  'check an encoder’s files and prove it again',
  'Checks every file of an encoder against its sha256 and proves it: an item has the same features alone, in a batch and twice. Where its model is still there with fp32 and other types of weights, their features are compared.',
)
  .argument('<encoder>', 'its id, or the beginning of its fingerprint; several as A+B')
  .addHelpText('after', example('encoders check all-MiniLM-L6-v2'))
  .action(async (references, { json }, called) => {
    await using tandem = await openFor(called, encoderSettings);
    const checked: CheckedEncoder[] = [];
    for (const reference of separateNames(references)) {
      const encoder = await tandem.encoders.check(reference);
      checked.push(encoder);
      if (!json) showCheck(encoder);
    }
    if (json) printJson({ encoders: checked });
  });

type CheckedEncoder = Awaited<ReturnType<InstalledEncoders['check']>>;

function showCheck({ id, proof, drift }: CheckedEncoder): void {
  print(`${id}: every file has its sha256`);
  showProof(proof);
  if (drift.length === 0) return;
  const rows = drift.map(({ dtype, least, mean }) => [dtype, least.toFixed(6), mean.toFixed(6)]);
  print(table([['cosine with fp32', 'least', 'mean'], ...rows]));
}

const remove = subcommand(
  'remove',
  'remove an encoder that was added',
  'Removes an encoder that was added and that no head needs.',
)
  .argument('<encoder>', 'its id, or the beginning of its fingerprint')
  .addHelpText('after', example('encoders remove bge-small-en-v1.5'))
  .action(async (reference, { json }, called) => {
    await using tandem = await openFor(called, encoderSettings);
    const encoder = await tandem.encoders.remove(reference);
    if (json) printJson(encoder);
    else print(`removed: ${encoder.id} (${encoder.folder})`);
  });

function describe(encoder: EncoderSummary): void {
  const { id, modality, dimension, fingerprint, folder, license, origin, isNonCommercial } = encoder;
  printFields({
    encoder: id,
    ...{ modality, features: dimension, licence: license ?? 'unknown' },
    ...origin?.settings,
    ...(origin && { from: `${origin.folder}: ${origin.weights.file}` }),
    ...{ fingerprint, folder },
  });
  if (isNonCommercial)
    printAside(`warning: the licence ${license} forbids commercial use, of heads trained with it as well`);
}

function showProof({ items, batchDifference, runDifference, milliseconds, memory }: EncoderProof): void {
  const difference = (value: number) => [
    value.toExponential(1),
    value <= largestDifference ? 'ok' : 'differs',
  ];
  print(
    table([
      ['proof', `${items} items`, ''],
      ['alone against in a batch, any order', ...difference(batchDifference)],
      ['the same run twice', ...difference(runDifference)],
      ['milliseconds an item, alone', milliseconds.alone.toFixed(1), ''],
      ['milliseconds an item, in a batch', milliseconds.inBatch.toFixed(1), ''],
      ['memory, MB', (memory / 1e6).toFixed(0), ''],
    ]),
  );
}

export const encoders = new Command('encoders')
  .summary('list, add, check and remove encoders')
  .description('Lists, adds, checks and removes the encoders that make the features of images and texts.')
  .addHelpText('after', example('encoders add Xenova/bge-small-en-v1.5 --pooling cls'))
  .addCommand(list)
  .addCommand(add)
  .addCommand(info)
  .addCommand(check)
  .addCommand(remove);
