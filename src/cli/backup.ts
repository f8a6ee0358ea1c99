import { Command } from '@commander-js/extra-typings';
import { storeSettings } from '../config.ts';
import { TandemError } from '../errors.ts';
import { backUp } from '../store/backup.ts';
import { addSettings, example, settingsOf } from './options.ts';
import { print, printJson } from './output.ts';

export const backup = addSettings(
  new Command('backup')
    .summary('copy the data folder while the server works')
    .description(
      'Copies everything that was acknowledged (heads, datasets, jobs, keys) to a new folder; a server may go on with its work meanwhile. To restore, start a server on the copy.',
    )
    .argument('<folder>', 'a folder that is not there yet')
    .option('--json', 'print one JSON object'),
  storeSettings,
)
  .addHelpText('after', example('backup /backups/2026-01-31'))
  .action(async (folder, options, command) => {
    const { data, 'database-url': databaseUrl, artifacts } = settingsOf(command, storeSettings);
    if (databaseUrl !== 'sqlite' || artifacts !== 'folder')
      throw new TandemError(
        'invalid-configuration',
        'not everything lies in the data folder: use pg_dump, then copy the bucket or keep its versions (docs/operations.md)',
      );
    const { files, bytes } = await backUp(data, folder);
    if (options.json) printJson({ folder, files, bytes });
    else print(`${files} files, ${(bytes / 1e6).toFixed(1)} MB of ${data}, are in ${folder}`);
  });
