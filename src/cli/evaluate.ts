import { Command } from '@commander-js/extra-typings';
import { headSettings } from '../config.ts';
import { addColumnOptions, addSettings, example, openFor, showWork } from './options.ts';
import { metricsTable, print, printJson } from './output.ts';

const command = addColumnOptions(
  new Command('evaluate')
    .summary('measure a head on a dataset')
    .description(
      'Measures a head on every example of a dataset, laid out as for train. Its labels must be the head’s.',
    )
    .argument('<dataset>', 'folder of the dataset, or the id of an imported one')
    .requiredOption('--head <head>', 'name, or name@version'),
).option('--json', 'print one JSON object');

export const evaluate = addSettings(command, headSettings)
  .addHelpText('after', example('evaluate photos-of-june/ --head pets@2'))
  .action(async (reference, { json, ...options }, called) => {
    await using tandem = await openFor(called, headSettings);
    const { target, ...evaluation } = await tandem.evaluate(reference, { ...options, ...showWork() });
    if (json) return printJson(evaluation);
    const { head, dataset, metrics } = evaluation;
    print(`${head.name}@${head.version} on ${dataset}`);
    print(metricsTable(metrics, target));
  });
