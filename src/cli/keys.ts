import { Command, Option } from 'commander';
import { storeOptions } from '../app/store-options.ts';
import { storeSettings } from '../config.ts';
import { TandemError } from '../errors.ts';
import { openDatabase } from '../store/database/open-database.ts';
import { exists } from '../store/files/exists.ts';
import { ApiKeys, scopes } from '../store/keys.ts';
import { addSettings, example, settingsOf } from './options.ts';
import { print, printJson, table } from './output.ts';

async function withKeys<Result>(command: Command, work: (keys: ApiKeys) => Promise<Result>): Promise<Result> {
  const options = storeOptions(settingsOf(command, storeSettings));
  // Only a new key may be the first thing of a data folder: else its name is a slip.
  if (command !== create && options.databaseUrl === undefined && !(await exists(options.data)))
    throw new TandemError(
      'invalid-configuration',
      `there is no data folder ${options.data}; name another with --data`,
    );
  // Keys need no artifacts, so they can be made on a machine that has none.
  const database = await openDatabase(options.data, options.databaseUrl);
  try {
    return await work(new ApiKeys(database));
  } finally {
    await database.close();
  }
}

const subcommand = (name: string, summary: string) =>
  addSettings(new Command(name).summary(summary).description(`${summary}.`), storeSettings).option(
    '--json',
    'print one JSON object',
  );

const create = subcommand('create', 'Makes a key and shows its secret once')
  .argument('<name>', 'who uses it')
  .addOption(
    new Option('--scope <scope>', 'predict: ask heads; train: datasets and jobs as well; admin: everything')
      .choices(scopes)
      .default('predict'),
  )
  .addHelpText('after', example('keys create shop --scope predict'))
  .action(async (name: string, options, command: Command) => {
    const key = await withKeys(command, (keys) => keys.create(name, options.scope));
    if (options.json) return printJson(key);
    print(key.secret);
    print(`It is shown this once. Send it with each request: -H 'Authorization: Bearer ${key.secret}'`);
  });

const list = subcommand('list', 'Lists the keys, without their secrets')
  .addHelpText('after', example('keys list'))
  .action(async (options, command: Command) => {
    const keys = await withKeys(command, (keys) => keys.list());
    if (options.json) return printJson({ keys });
    print(
      table([
        ['key', 'name', 'scope', 'created'],
        ...keys.map(({ id, name, scope, createdAt }) => [id, name, scope, createdAt]),
      ]),
    );
  });

const revoke = subcommand('revoke', 'Takes a key back; a running server refuses it from its next request on')
  .argument('<id>', 'the key’s id, as the list shows it')
  .addHelpText('after', example('keys revoke 5b0e1d3e-4f0b-4c53-9d0f-6a2f5c0e7a11'))
  .action(async (id: string, options, command: Command) => {
    const key = await withKeys(command, (keys) => keys.revoke(id));
    if (options.json) printJson(key);
    else print(`revoked: ${key.name} (${key.scope})`);
  });

export const keys = new Command('keys')
  .summary('make, list and revoke API keys')
  .description('Makes, lists and revokes API keys. As soon as there is one, every request needs one.')
  .addHelpText('after', example('keys create shop --scope predict'))
  .addCommand(create)
  .addCommand(list)
  .addCommand(revoke);
