import { Command, CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { DatasetProblems } from '../datasets/read/findings.ts';
import { errorTable, TandemError } from '../errors.ts';
import { product } from '../product.ts';
import { storageError } from '../store/storage-error.ts';
import { backup } from './backup.ts';
import { problemLines } from './bad-rows.ts';
import { compare } from './compare.ts';
import { datasets } from './datasets.ts';
import { encoders } from './encoders.ts';
import { evaluate } from './evaluate.ts';
import { heads } from './heads.ts';
import { keys } from './keys.ts';
import { example } from './options.ts';
import { printAside, printJson } from './output.ts';
import { predict } from './predict.ts';
import { serve } from './serve.ts';
import { train } from './train.ts';
import { tune } from './tune.ts';

const program = new Command(product.command)
  .description(`${product.name} fine-tunes and serves image+text classifiers on ONNX Runtime.`)
  .version(product.version)
  .addCommand(serve)
  .addCommand(train)
  .addCommand(predict)
  .addCommand(evaluate)
  .addCommand(compare)
  .addCommand(datasets)
  .addCommand(heads)
  .addCommand(encoders)
  .addCommand(tune)
  .addCommand(keys)
  .addCommand(backup)
  .addHelpText('after', example('train photos/ --head pets'))
  .showHelpAfterError('(--help shows what is possible)');

// The kernel ignores a signal that the first process of a container has no handler for.
const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;
if (process.pid === 1)
  for (const [signal, code] of Object.entries(exitCodes)) process.once(signal, () => process.exit(code));

// What reads the output may end early, as head does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

const isForMachines = process.argv.includes('--json');
if (isForMachines) for (const command of [program, ...allOf(program)]) throwUsageErrors(command);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode;
    if (error.exitCode !== 0)
      printFailure({ code: 'usage', title: 'The command is not valid', ...usage(error) });
  } else handleFailure(error);
}

function handleFailure(error: unknown): void {
  const known = error instanceof TandemError ? error : storageError(error);
  if (!known) throw error;
  const { code, message, items, fix } = known;
  if (isForMachines) printFailure({ code, title: errorTable[code].title, detail: message, items, fix });
  else {
    const lines =
      known instanceof DatasetProblems
        ? problemLines(known.problems, process.argv.includes('--all-problems'))
        : items.map(({ at, detail }) => `${at}: ${detail}`);
    const places = lines.map((line) => `  ${line}\n`).join('');
    printAside(`${errorTable[code].title}: ${message}\n${places}${fix}`);
  }
  process.exitCode = 1;
}

/** Every command under a command. */
function allOf({ commands }: { commands: readonly CommandUnknownOpts[] }): CommandUnknownOpts[] {
  return commands.flatMap((command) => [command, ...allOf(command)]);
}

/** A machine reads the object on stdout, and needs no lines for people beside it. */
function throwUsageErrors(command: CommandUnknownOpts): void {
  command
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .showHelpAfterError(false);
}

function usage({ message }: CommanderError) {
  return {
    detail: message.replace(/^error: /, ''),
    items: [],
    fix: 'The same command with --help instead of its options shows what is possible.',
  };
}

function printFailure(error: Record<'code' | 'title' | 'detail' | 'fix' | 'items', unknown>): void {
  printJson({ error });
}
