import { createWriteStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import { readEach } from '../app/damaged-heads.ts';
import { encoderOptions } from '../app/encoder-settings.ts';
import { shippedHeads, storeOptions } from '../app/store-options.ts';
import { encoderSettings } from '../config.ts';
import { readFingerprints } from '../encoders/specification.ts';
import { evaluations } from '../evaluation/targets.ts';
import { parseHeadManifest } from '../heads/head.ts';
import { exportHead, importHead } from '../heads/package.ts';
import { highestVersion } from '../heads/registry/head-name.ts';
import { HeadRegistry } from '../heads/registry/heads.ts';
import { openStore } from '../store/store.ts';
import { compareHeads } from './compare-heads.ts';
import { addSettings, example, numberOption, settingsOf } from './options.ts';
import { metricText, print, printAside, printJson, table } from './output.ts';

const version = numberOption(1, highestVersion);

async function withRegistry<Result>(
  command: Command,
  work: (registry: HeadRegistry) => Promise<Result>,
): Promise<Result> {
  const chosen = settingsOf(command, encoderSettings);
  await using store = await openStore(storeOptions(chosen));
  return await work(new HeadRegistry(store, shippedHeads(chosen)));
}

const list = addSettings(
  new Command('list')
    .summary('list every version of every head')
    .description('Lists every version of every head, and the aliases that stand for it.')
    .option('--json', 'print one JSON object'),
  encoderSettings,
)
  .addHelpText('after', example('heads list'))
  .action(async (options, command: Command) => {
    const { heads, damaged } = await withRegistry(command, async (registry) => {
      const listed = await registry.list();
      const names = [...new Set(listed.map(({ name }) => name))];
      const aliases = new Map(
        await Promise.all(names.map(async (name) => [name, await registry.aliases(name)] as const)),
      );
      return readEach(listed, ({ name, version, manifest }) => {
        const own = Object.entries(aliases.get(name)!).filter(([, meant]) => meant === version);
        return {
          ...parseHeadManifest(manifest, `${name}@${version}`),
          aliases: own.map(([alias]) => alias),
        };
      });
    });
    if (options.json) return printJson({ heads, ...(damaged.length > 0 && { damaged }) });
    const rows = heads.map(({ name, version, target, labels, metrics, createdAt, aliases }) => {
      const [main] = evaluations[target].titles;
      const figure = metricText(metrics.fused[main.name], main.isShare);
      return [
        `${name}@${version}`,
        aliases.join(', '),
        String(labels.length),
        `${main.title} ${figure}`,
        createdAt,
      ];
    });
    print(table([['head', 'aliases', 'labels', 'on the test split', 'created'], ...rows]));
    for (const { problem } of damaged) printAside(`damaged: ${problem}`);
  });

const alias = addSettings(
  new Command('alias')
    .summary('let an alias stand for a version')
    .description('Lets requests for NAME@ALIAS go to a version, from the next request on.')
    .argument('<name>')
    .argument('<alias>', 'production, say')
    .argument('<version>', 'its number', version)
    .option('--json', 'print one JSON object'),
  encoderSettings,
)
  .addHelpText('after', example('heads alias pets production 3'))
  .action(async (name: string, alias: string, version: number, options, command: Command) => {
    await withRegistry(command, (registry) => registry.setAlias(name, alias, version));
    if (options.json) printJson({ name, alias, version });
    else print(`${name}@${alias} is ${name}@${version}`);
  });

const rollback = addSettings(
  new Command('rollback')
    .summary('put an alias back on the version before')
    .description('Puts an alias back on the version that it stood for before.')
    .argument('<name>')
    .argument('<alias>')
    .option('--json', 'print one JSON object'),
  encoderSettings,
)
  .addHelpText('after', example('heads rollback pets production'))
  .action(async (name: string, alias: string, options, command: Command) => {
    const version = await withRegistry(command, (registry) => registry.rollback(name, alias));
    if (options.json) printJson({ name, alias, version });
    else print(`${name}@${alias} is ${name}@${version} again`);
  });

const unalias = addSettings(
  new Command('unalias')
    .summary('take an alias away')
    .description('Takes an alias away. The version that it stood for stays.')
    .argument('<name>')
    .argument('<alias>')
    .option('--json', 'print one JSON object'),
  encoderSettings,
)
  .addHelpText('after', example('heads unalias pets canary'))
  .action(async (name: string, alias: string, options, command: Command) => {
    await withRegistry(command, (registry) => registry.deleteAlias(name, alias));
    if (options.json) printJson({ name, alias });
    else print(`${name}@${alias} is gone`);
  });

const remove = addSettings(
  new Command('delete')
    .summary('delete a version')
    .description('Deletes a version that no alias stands for. Its number is never given again.')
    .argument('<name>')
    .argument('<version>', 'its number', version)
    .option('--json', 'print one JSON object'),
  encoderSettings,
)
  .addHelpText('after', example('heads delete pets 2'))
  .action(async (name: string, version: number, options, command: Command) => {
    await withRegistry(command, (registry) => registry.delete(name, version));
    if (options.json) printJson({ name, version });
    else print(`${name}@${version} is gone`);
  });

const exporting = addSettings(
  new Command('export')
    .summary('write a version to one file')
    .description('Writes a version to a tar file, with the sha256 of all that is in it.')
    .argument('<head>', 'name, name@version or name@alias')
    .option('--output <file>', 'where to write it (default: NAME-VERSION.tar)')
    .option('--json', 'print one JSON object'),
  encoderSettings,
)
  .addHelpText('after', example('heads export pets@3 --output pets-3.tar'))
  .action(async (reference: string, options, command: Command) => {
    const { name, version, file } = await withRegistry(command, async (registry) => {
      const found = await registry.open(reference);
      const file = options.output ?? `${found.name}-${found.version}.tar`;
      await pipeline(await exportHead(found, tmpdir()), createWriteStream(file));
      return { ...found, file };
    });
    if (options.json) printJson({ name, version, file });
    else print(`${name}@${version} is in ${file}`);
  });

const importing = addSettings(
  new Command('import')
    .summary('register a version from such a file')
    .description('Registers what `heads export` wrote, as the next version of its name.')
    .argument('<file>')
    .option('--name <name>', 'another name for it')
    .option('--json', 'print one JSON object'),
  encoderSettings,
)
  .addHelpText('after', example('heads import pets-3.tar'))
  .action(async (file: string, options, command: Command) => {
    const chosen = settingsOf(command, encoderSettings);
    const { models, encoders } = encoderOptions(chosen);
    const fingerprints = await readFingerprints(models, encoders);
    const { name, version } = await withRegistry(command, (registry) =>
      importHead(registry, file, { name: options.name, fingerprints, workspace: tmpdir() }),
    );
    if (options.json) printJson({ name, version });
    else print(`it is ${name}@${version} now`);
  });

export const heads = new Command('heads')
  .summary('list the heads; compare, name, delete, export and import versions')
  .description('Keeps the registered heads. Without a subcommand it lists them.')
  .addCommand(list, { isDefault: true })
  .addCommand(compareHeads)
  .addCommand(alias)
  .addCommand(rollback)
  .addCommand(unalias)
  .addCommand(remove)
  .addCommand(exporting)
  .addCommand(importing)
  .addHelpText('after', example('heads'));
