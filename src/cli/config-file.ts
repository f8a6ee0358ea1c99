import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { closest } from '../closest.ts';
import { type SettingName, settings } from '../config.ts';
import { type ErrorItem, TandemError } from '../errors.ts';
import { product } from '../product.ts';
import type { ConfigFile } from '../read-settings.ts';
import { whyUnreadable } from '../store/files/why-unreadable.ts';

/** What is read where no file is named: one of these in the working directory. */
export const defaultConfigFiles = ['json', 'yaml', 'yml'].map((end) => `${product.command}.config.${end}`);

/**
 * Reads a file of settings, JSON or YAML: an object with the names of the flags (`grpc-port`).
 * @param named the file; without it, the one that lies in the folder
 * @param folder where relative names begin
 * @returns undefined where no file is named and none lies there
 * @throws TandemError `invalid-configuration` naming every unknown name and every value that is none; where the file
 *   cannot be read, or several lie there
 * @example const file = readConfigFile(undefined, process.cwd());
 */
export function readConfigFile(named: string | undefined, folder: string): ConfigFile | undefined {
  const found =
    named === undefined ? defaultConfigFiles.filter((name) => existsSync(path.join(folder, name))) : [named];
  const [place, second] = found;
  if (place === undefined) return undefined;
  if (second !== undefined)
    throw new TandemError('invalid-configuration', `${place} and ${second} both lie here`, {
      fix: 'Keep one of them, or name it with --config.',
    });
  return { place, values: textsOf(parse(path.resolve(folder, place), place), place) };
}

function parse(file: string, place: string): unknown {
  try {
    const text = readFileSync(file, 'utf8');
    if (file.endsWith('.json')) return JSON.parse(text);
    // Loaded where there is such a file alone.
    const yaml: typeof import('yaml') = createRequire(import.meta.url)('yaml');
    return yaml.parse(text);
  } catch (error) {
    const [why] = whyUnreadable(error).split('\n');
    throw new TandemError('invalid-configuration', `${place}: ${why}`, {
      cause: error,
      fix: `Write an object of settings, as {"port": 8080}; ${product.invocation} serve --help lists their names.`,
    });
  }
}

/** Every setting as text, as flags have it. A list has commas between. */
function textsOf(content: unknown, place: string): ConfigFile['values'] {
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw new TandemError('invalid-configuration', `${place}: it must be an object of settings`);
  const problems: ErrorItem[] = [];
  const texts = Object.entries(content).map(([name, value]) => {
    const text = textOf(value);
    if (!Object.hasOwn(settings, name)) problems.push({ at: `${place}: ${name}`, detail: unknown(name) });
    else if (text === undefined)
      problems.push({
        at: `${place}: ${name}`,
        detail: 'must be a text, a number, true or false, or a list of them',
      });
    return [name, text];
  });
  if (problems.length > 0)
    throw new TandemError('invalid-configuration', `${problems.length} bad setting(s) in ${place}`, {
      items: problems,
    });
  return Object.fromEntries(texts);
}

function textOf(value: unknown): string | undefined {
  if (Array.isArray(value)) {
    const texts = value.map(textOf);
    return texts.includes(undefined) ? undefined : texts.join(',');
  }
  return ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : undefined;
}

function unknown(name: string): string {
  const meant = closest(name, Object.keys(settings) as SettingName[]);
  return `there is no such setting${meant === undefined ? '; serve --help lists them' : `; did you mean ${JSON.stringify(meant)}?`}`;
}
