import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { storeSettings } from '../config.ts';
import { TandemError } from '../errors.ts';
import { exists } from '../store/files/exists.ts';
import { scopes } from '../store/keys.ts';
import { addSettings, example, openFor, settingsOf } from './options.ts';
import { print, printJson, table } from './output.ts';

/**
 * Only a new key may be the first thing of a data folder: else its name is a slip.
 * @throws TandemError `invalid-configuration`
 */
async function requireData(called: CommandUnknownOpts): Promise<void> {
  const { data, 'database-url': databaseUrl } = settingsOf(called, storeSettings);
  if (databaseUrl === 'sqlite' && !(await exists(data)))
    throw new TandemError(
      'invalid-configuration',
      `there is no data folder ${data}; name another with --data`,
    );
}

const subcommand = (name: string, summary: string) =>
  addSettings(
    new Command(name).summary(summary).description(`${summary}.`).option('--json', 'print one JSON object'),
    storeSettings,
  );

const create = subcommand('create', 'Makes a key and shows its secret once')
  .argument('<name>', 'who uses it')
  .addOption(
    new Option('--scope <scope>', 'predict: ask heads; train: datasets and jobs as well; admin: everything')
      .choices(scopes)
      .default('predict'),
  )
  .addHelpText('after', example('keys create shop --scope predict'))
  .action(async (name, { scope, json }, called) => {
    await using tandem = await openFor(called, storeSettings);
    const key = await tandem.keys.create(name, scope);
    if (json) return printJson(key);
    print(key.secret);
    print(`It is shown this once. Send it with each request: -H 'Authorization: Bearer ${key.secret}'`);
  });

const list = subcommand('list', 'Lists the keys, without their secrets')
  .addHelpText('after', example('keys list'))
  .action(async ({ json }, called) => {
    await requireData(called);
    await using tandem = await openFor(called, storeSettings);
    const keys = await tandem.keys.list();
    if (json) return printJson({ keys });
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
  .action(async (id, { json }, called) => {
    await requireData(called);
    await using tandem = await openFor(called, storeSettings);
    const key = await tandem.keys.revoke(id);
    if (json) printJson(key);
    else print(`revoked: ${key.name} (${key.scope})`);
  });

export const keys = new Command('keys')
  .summary('make, list and revoke API keys')
  .description('Makes, lists and revokes API keys. As soon as there is one, every request needs one.')
  .addHelpText('after', example('keys create shop --scope predict'))
  .addCommand(create)
  .addCommand(list)
  .addCommand(revoke);
