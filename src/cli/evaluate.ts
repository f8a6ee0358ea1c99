import { pathToFileURL } from 'node:url';
import { Command, Option } from '@commander-js/extra-typings';
import { headSettings } from '../config.ts';
import { evaluatedSplits } from '../training/choices.ts';
import { noteTrainedOn } from '../training/evaluation.ts';
import { addColumnOptions, addSettings, example, openFor, showWork } from './options.ts';
import { metricsTable, print, printJson } from './output.ts';

const command = addColumnOptions(
  new Command('evaluate')
    .summary('measure a head on a dataset')
    .description(
      'Measures a head on a dataset, laid out as for train: on the examples marked for testing where it marks any, else on all. Its labels must be the head’s.',
    )
    .argument('<dataset>', 'folder or table of the dataset, or the id of an imported one')
    .requiredOption('--head <head>', 'name, or name@version')
    .addOption(
      new Option(
        '--split <side>',
        'all, or a side that the dataset marks; where it marks none, the side that the head was trained or measured on',
      ).choices(evaluatedSplits),
    ),
)
  .option(
    '--predictions <file>',
    'write every answer beside what is true, as .csv, .tsv or .jsonl; row is the line of the table',
  )
  .option('--report <file>', 'write what was found as a page that opens anywhere')
  .option('--json', 'print one JSON object');

export const evaluate = addSettings(command, headSettings)
  .addHelpText(
    'after',
    example('evaluate photos-of-june/ --head pets@2 --predictions june.csv --report june.html'),
  )
  .action(async (reference, { json, ...options }, called) => {
    await using tandem = await openFor(called, headSettings);
    const { target, ...evaluation } = await tandem.evaluate(reference, { ...options, ...showWork() });
    if (json) return printJson(evaluation);
    const { head, dataset, metrics, rows } = evaluation;
    const name = `${head.name}@${head.version}`;
    const side = { all: '', train: ', its training side', test: ', its test side' }[rows.split];
    print(`${name} on ${dataset}${side}: ${rows.examples} examples`);
    print(metricsTable(metrics, target));
    for (const file of [options.predictions, options.report])
      if (file !== undefined) print(`written: ${pathToFileURL(file)}`);
    const note = noteTrainedOn(evaluation, '--split test');
    if (note !== undefined) print(`note: ${note}`);
  });
