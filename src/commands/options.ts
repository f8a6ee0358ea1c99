import path from 'node:path';
import type { Command } from 'commander';
import {
  type encoderSettings,
  environmentVariable,
  readSettings,
  type SettingName,
  type Settings,
  settings,
} from '../config.ts';
import type { EncoderOptions } from '../inference/encoders.ts';
import { HeadRegistry } from '../store/heads.ts';

/** Adds the flags of settings to a command. */
export function addSettings(command: Command, names: readonly SettingName[]): Command {
  for (const setting of names) {
    const { about, value, default: fallback } = settings[setting];
    const shown = path.isAbsolute(fallback) ? path.relative(process.cwd(), fallback) || '.' : fallback;
    command.option(
      `--${setting} <${value}>`,
      `${about} (default: ${shown}; ${environmentVariable(setting)})`,
    );
  }
  return command;
}

/** The settings of a command that was called. */
export function settingsOf<Names extends SettingName>(
  command: Command,
  names: readonly Names[],
): Settings<Names> {
  const flags = Object.fromEntries(
    command.options.map((option) => [option.long?.slice(2), command.getOptionValue(option.attributeName())]),
  );
  return readSettings(names, flags, process.env);
}

export type EncoderSettings = Settings<(typeof encoderSettings)[number]>;

/** What `loadEncoders` needs of the settings. */
export function encoderOptions(chosen: EncoderSettings): EncoderOptions {
  const { models, provider, threads } = chosen;
  return { models, provider, threads, image: chosen['image-encoder'], text: chosen['text-encoder'] };
}

/** Where heads are kept, and where those that ship with the program lie. */
export function headFolders({ data, models }: EncoderSettings): { root: string; shipped: string[] } {
  return { root: path.join(data, 'heads'), shipped: [path.join(models, 'heads')] };
}

export function headRegistry(chosen: EncoderSettings): HeadRegistry {
  const { root, shipped } = headFolders(chosen);
  return new HeadRegistry(root, shipped);
}
