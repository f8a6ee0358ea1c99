import { readFile } from 'node:fs/promises';
import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { openTandem } from '../app/open-tandem.ts';
import { completeSettings, headSettings } from '../config.ts';
import { TandemError } from '../errors.ts';
import { itemAt } from '../indexing.ts';
import { type TableValues, tableText } from '../modalities/table/values.ts';
import { whyUnreadable } from '../store/files/why-unreadable.ts';
import type { TargetPrediction } from '../targets/prediction.ts';
import { addSettings, example, numberOption, settingsOf } from './options.ts';
import { numberText, percent, print, printJson, table } from './output.ts';

const command = new Command('predict')
  .summary('classify one image, text or values of a table')
  .description('Classifies one image, one text, values of further columns, or several of them together.')
  .option('--image <file>', 'a JPEG, PNG or WebP file')
  .option('--text <text>', 'a text')
  .addOption(
    new Option('--table <json>', 'values of further columns, such as {"price": 12}').argParser(tableOption),
  )
  .option('--head <head>', 'name, or name@version', 'emoji')
  .option('--top-k <count>', 'labels to show', numberOption(1, 1_000_000), 5)
  .option('--json', 'print one JSON object');

export const predict = addSettings(command, headSettings)
  .addHelpText('after', example('predict --image cat.jpg --text "a cat on the sofa"'))
  .action(async ({ image: file, text, table: values, head: reference, topK, json }, called) => {
    if (file === undefined && text === undefined && values === undefined)
      throw new TandemError('empty-request', 'give --image, --text, --table or several of them');
    const image = file === undefined ? undefined : await readImage(file);
    const settings = completeSettings({ ...settingsOf(called, headSettings), engines: 1 });
    await using tandem = await openTandem(settings);
    const { head, results } = await tandem.predict([{ image, text, table: values }], {
      head: reference,
      topK,
    });
    const result = itemAt(results, 0);
    if (result instanceof TandemError) throw result;
    if (json) return printJson({ head, ...result });
    print(`${head.name}@${head.version}, from ${result.modalities.join(' and ')}:`);
    print(predictionTable(result));
    for (const [modality, prediction] of Object.entries(result.unimodal))
      print(`${modality} alone says ${inWords(prediction)}`);
  });

function predictionTable({ labels, value }: TargetPrediction): string {
  if (value !== undefined) return numberText(value);
  const rows = labels.map(({ label, probability, given }) => {
    return [label, percent(probability), given ? 'given' : ''];
  });
  const [first, ...others] = rows;
  return first ? table([first, ...others]) : '';
}

function inWords({ labels, value }: TargetPrediction): string {
  if (value !== undefined) return numberText(value);
  const given = labels.filter((label) => label.given);
  const [likeliest] = labels;
  const said = likeliest && likeliest.given === undefined ? [likeliest] : given;
  return said.map(({ label, probability }) => `${label} (${percent(probability)})`).join(', ') || 'no label';
}

function tableOption(text: string): TableValues {
  const { data } = tableText.safeParse(text);
  if (!data) throw new InvalidArgumentError('It must be JSON with a number, a text or null for each column.');
  return data;
}

async function readImage(file: string): Promise<Buffer> {
  return readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new TandemError('invalid-image', `${file}: ${whyUnreadable(error)}`, { cause: error });
  });
}
