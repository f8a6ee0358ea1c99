import { Command } from '@commander-js/extra-typings';
import { encoderSettings } from '../config.ts';
import { addSettings } from './options.ts';

/**
 * A command of heads or encoders, with what each of them takes.
 * @example const list = subcommand('list', 'list every head', 'Lists every version of every head.');
 */
export const subcommand = (name: string, summary: string, description: string) =>
  addSettings(
    new Command(name).summary(summary).description(description).option('--json', 'print one JSON object'),
    encoderSettings,
  );
