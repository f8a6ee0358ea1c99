import { Command } from 'commander';
import { encoderOptions, featureCache } from '../app/encoder-settings.ts';
import { shippedHeads, storeOptions } from '../app/store-options.ts';
import { headSettings } from '../config.ts';
import { loadEncoders } from '../encoders/encoders.ts';
import { parseHeadManifest } from '../heads/head.ts';
import { HeadRegistry } from '../heads/registry/heads.ts';
import { openStore } from '../store/store.ts';
import { evaluateHead } from '../training/evaluate-head.ts';
import { addColumnOptions, addSettings, columnNames, example, openDataset, settingsOf } from './options.ts';
import { metricsTable, print, printJson } from './output.ts';
import { progressBar } from './progress-bar.ts';

export const evaluate = addSettings(
  addColumnOptions(
    new Command('evaluate')
      .summary('measure a head on a dataset')
      .description(
        'Measures a head on every example of a dataset, laid out as for train. Its labels must be the head’s.',
      )
      .argument('<dataset>', 'folder of the dataset, or the id of an imported one')
      .requiredOption('--head <head>', 'name, or name@version'),
  ).option('--json', 'print one JSON object'),
  headSettings,
)
  .addHelpText('after', example('evaluate photos-of-june/ --head pets@2'))
  .action(async (reference: string, options, command: Command) => {
    const chosen = settingsOf(command, headSettings);
    await using store = await openStore(storeOptions(chosen));
    const version = await new HeadRegistry(store, shippedHeads(chosen)).open(options.head);
    const onProgress = progressBar();
    const { target } = parseHeadManifest(version.manifest, `${version.name}@${version.version}`);
    const columns = columnNames(options);
    const dataset = await openDataset(reference, store, {
      columns,
      target,
      purpose: 'measuring',
      onProgress,
    });
    const encoders = await loadEncoders(encoderOptions(chosen));
    try {
      const metrics = await evaluateHead(encoders, {
        dataset,
        featureCache: featureCache(chosen),
        head: version,
        headTimeout: chosen['head-timeout'],
        onProgress,
      });
      if (options.json)
        printJson({ head: { name: version.name, version: version.version }, dataset: dataset.name, metrics });
      else {
        print(`${version.name}@${version.version} on ${dataset.name}`);
        print(metricsTable(metrics, target));
      }
    } finally {
      await encoders.close();
    }
  });
