import { Command, Option } from '@commander-js/extra-typings';
import type { Heads } from '../app/heads.ts';
import { encoderSettings } from '../config.ts';
import { TandemError } from '../errors.ts';
import { figureNamed } from '../evaluation/metrics.ts';
import { evaluations } from '../evaluation/targets.ts';
import { highestVersion } from '../heads/registry/head-name.ts';
import { compareHeads } from './compare-heads.ts';
import { exportHead } from './export-head.ts';
import { headInfo } from './head-info.ts';
import { example, numberOption, openFor, shareOption } from './options.ts';
import { describeAcceptance, metricText, print, printAside, printJson, table } from './output.ts';
import { subcommand } from './subcommand.ts';
import { zeroShot } from './zero-shot.ts';

const version = numberOption(1, highestVersion);

const list = subcommand(
  'list',
  'list every version of every head',
  'Lists every version of every head, and the aliases that stand for it.',
)
  .addHelpText('after', example('heads list'))
  .allowExcessArguments()
  .action(async ({ json }, called) => {
    const [mistyped] = called.args;
    if (mistyped !== undefined) called.error(`error: heads has no command '${mistyped}'`);
    await using tandem = await openFor(called, encoderSettings);
    const { heads, damaged } = await tandem.heads.list();
    if (json) return printJson({ heads, ...(damaged.length > 0 && { damaged }) });
    print(table([['head', 'aliases', 'labels', 'on the test split', 'created'], ...heads.map(rowOf)]));
    for (const { problem } of damaged) printAside(`damaged: ${problem}`);
  });

const alias = subcommand(
  'alias',
  'let an alias stand for a version',
  'Lets requests for NAME@ALIAS go to a version, from the next request on.',
)
  .argument('<name>')
  .argument('<alias>', 'production, say')
  .argument('<version>', 'its number', version)
  .addHelpText('after', example('heads alias pets production 3'))
  .action(async (name, alias, version, { json }, called) => {
    await using tandem = await openFor(called, encoderSettings);
    await tandem.heads.setAlias(name, alias, version);
    if (json) printJson({ name, alias, version });
    else print(`${name}@${alias} is ${name}@${version}`);
  });

const accept = subcommand(
  'accept',
  'say which answers of a version are accepted',
  'Finds the threshold from which a version’s answers are right often enough on its held-out examples. Predictions below it are unsure, from the next request on.',
)
  .argument('<head>', 'name, name@version or name@alias')
  .addOption(
    new Option('--accuracy <share>', 'the share of right answers among those accepted').argParser(
      shareOption,
    ),
  )
  .addOption(new Option('--off', 'decide nothing').conflicts('accuracy'))
  .addHelpText('after', example('heads accept pets@3 --accuracy 0.95'))
  .action(async (head, { accuracy, off, json }, called) => {
    if (accuracy === undefined && !off)
      throw new TandemError('invalid-request', 'give --accuracy, such as 0.95, or --off');
    await using tandem = await openFor(called, encoderSettings);
    const set = await tandem.heads.accept(head, accuracy ?? null);
    if (json) return printJson(set);
    const { name, version, acceptance } = set;
    print(`${name}@${version} ${acceptance ? describeAcceptance(acceptance) : 'decides nothing'}`);
  });

const rollback = subcommand(
  'rollback',
  'put an alias back on the version before',
  'Puts an alias back on the version that it stood for before.',
)
  .argument('<name>')
  .argument('<alias>')
  .addHelpText('after', example('heads rollback pets production'))
  .action(async (name, alias, { json }, called) => {
    await using tandem = await openFor(called, encoderSettings);
    const { aliases } = await tandem.heads.rollback(name, alias);
    const version = aliases[alias];
    if (json) printJson({ name, alias, version });
    else print(`${name}@${alias} is ${name}@${version} again`);
  });

const unalias = subcommand(
  'unalias',
  'take an alias away',
  'Takes an alias away. The version that it stood for stays.',
)
  .argument('<name>')
  .argument('<alias>')
  .addHelpText('after', example('heads unalias pets canary'))
  .action(async (name, alias, { json }, called) => {
    await using tandem = await openFor(called, encoderSettings);
    await tandem.heads.deleteAlias(name, alias);
    if (json) printJson({ name, alias });
    else print(`${name}@${alias} is gone`);
  });

const remove = subcommand(
  'delete',
  'delete a version',
  'Deletes a version that no alias stands for. Its number is never given again.',
)
  .argument('<name>')
  .argument('<version>', 'its number', version)
  .addHelpText('after', example('heads delete pets 2'))
  .action(async (name, version, { json }, called) => {
    await using tandem = await openFor(called, encoderSettings);
    await tandem.heads.delete(name, version);
    if (json) printJson({ name, version });
    else print(`${name}@${version} is gone`);
  });

const importing = subcommand(
  'import',
  'register a version from such a file',
  'Registers what `heads export` wrote, as the next version of its name.',
)
  .argument('<file>')
  .option('--name <name>', 'another name for it')
  .addHelpText('after', example('heads import pets-3.tar'))
  .action(async (file, { name: chosen, json }, called) => {
    await using tandem = await openFor(called, encoderSettings);
    const { name, version } = await tandem.heads.import(file, { name: chosen });
    if (json) printJson({ name, version });
    else print(`it is ${name}@${version} now`);
  });

export const heads = new Command('heads')
  .summary('list the heads; show, compare, name, delete, export and import versions; make one of label names')
  .description('Keeps the registered heads. Without a subcommand it lists them.')
  .addCommand(list, { isDefault: true })
  .addCommand(headInfo)
  .addCommand(compareHeads)
  .addCommand(zeroShot)
  .addCommand(alias)
  .addCommand(accept)
  .addCommand(rollback)
  .addCommand(unalias)
  .addCommand(remove)
  .addCommand(exportHead)
  .addCommand(importing)
  .addHelpText('after', example('heads'));

type ListedHead = Awaited<ReturnType<Heads['list']>>['heads'][number];

function rowOf({ name, version, target, labels, metrics, createdAt, aliases }: ListedHead): string[] {
  const [main] = evaluations[target].titles;
  const value = figureNamed(main.name, metrics.fused);
  const figure = Number.isNaN(value) ? 'not measured' : `${main.title} ${metricText(value, main.isShare)}`;
  return [`${name}@${version}`, aliases.join(', '), String(labels.length), figure, createdAt];
}
