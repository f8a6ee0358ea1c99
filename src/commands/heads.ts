import { Command } from 'commander';
import { encoderSettings } from '../config.ts';
import { readHeadManifest } from '../inference/head.ts';
import { addSettings, headRegistry, settingsOf } from './options.ts';
import { percent, print, printJson, table } from './output.ts';

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
    const rows = manifests.map(({ name, version, labels, metrics, createdAt }) => [
      `${name}@${version}`,
      String(labels.length),
      percent(metrics.fused.accuracy),
      createdAt,
    ]);
    print(table([['head', 'labels', 'test accuracy', 'created'], ...rows]));
  });
