import { Command } from 'commander';
import { encoderSettings } from '../config.ts';
import { readHeadManifest } from '../inference/head.ts';
import { metricTitles } from '../training/metrics.ts';
import { addSettings, headRegistry, settingsOf } from './options.ts';
import { metricText, print, printJson, table } from './output.ts';

export const heads = addSettings(
  new Command('heads')
    .summary('list the heads')
    .description('Lists every version of every head.')
    .option('--json', 'print one JSON object'),
  encoderSettings,
)
  .addHelpText('after', '\nExample:\n  npm run -s tandem -- heads')
  .action(async (options, command: Command) => {
    const versions = await headRegistry(settingsOf(command, encoderSettings)).list();
    const manifests = await Promise.all(versions.map(({ folder }) => readHeadManifest(folder)));
    if (options.json) {
      printJson({ heads: manifests });
      return;
    }
    const rows = manifests.map(({ name, version, target, labels, metrics, createdAt }) => {
      const [main] = metricTitles[target];
      const figure = metricText(metrics.fused[main.name], main.isShare);
      return [`${name}@${version}`, String(labels.length), `${main.title} ${figure}`, createdAt];
    });
    print(table([['head', 'labels', 'on the test split', 'created'], ...rows]));
  });
