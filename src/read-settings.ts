import path from 'node:path';
import { allSettings, type SettingName, type Settings, settings, type TandemSettings } from './config.ts';
import { TandemError } from './errors.ts';
import { itemAt } from './indexing.ts';
import { product } from './product.ts';
import { issueInWords } from './schema-words.ts';
import type { Setting } from './setting.ts';

/** The environment variable of a setting. */
export function environmentVariable(setting: SettingName): string {
  return `${product.name.toUpperCase()}_${setting.toUpperCase().replaceAll('-', '_')}`;
}

/** Settings that a file has, each as the text that its flag would have. */
export interface ConfigFile {
  /** The file's name, as messages show it. */
  place: string;
  values: Readonly<Partial<Record<SettingName, string>>>;
}

/**
 * Reads settings from flags, then from the environment, then from a file, then from the defaults.
 * @param flags given on the command line
 * @param placeOf what a problem calls a setting that no variable gave; its flag by default
 * @param file the settings of a file
 * @throws TandemError `invalid-configuration`, naming every bad value at once
 * @example const { port } = readSettings(['port'], { port: '80' }, process.env); // 80
 */
export function readSettings<Names extends SettingName>(
  names: readonly Names[],
  flags: Readonly<Record<string, string | undefined>>,
  environment: NodeJS.ProcessEnv,
  placeOf: (setting: SettingName) => string = (setting) => `--${setting}`,
  file?: ConfigFile,
): Settings<Names> {
  const problems: { at: string; detail: string }[] = [];
  const values = names.map((setting) => {
    const variable = environmentVariable(setting);
    const flag = flags[setting];
    const { usual, isSecret, default: fallback }: Setting = settings[setting];
    // A variable that is empty is one that is not set: so compose files pass on what nobody has set.
    const source =
      flag !== undefined ? undefined : [variable, usual].find((each) => each && environment[each]);
    const given = flag ?? (source && environment[source]);
    const text = given ?? file?.values[setting] ?? fallback;
    const parsed = settings[setting].schema.safeParse(text);
    if (!parsed.success)
      problems.push({
        at: source ?? (given === undefined && file ? `${file.place}: ${setting}` : placeOf(setting)),
        detail: `${isSecret ? 'the value' : JSON.stringify(text)} is not valid: ${issueInWords(itemAt(parsed.error.issues, 0))}`,
      });
    return [setting, parsed.data] as const;
  });
  if (problems.length > 0)
    throw new TandemError('invalid-configuration', `${problems.length} bad value(s)`, { items: problems });
  return Object.fromEntries(values) as Settings<Names>;
}

/**
 * Every setting of a command that takes only some: the others keep their defaults, whatever the environment says.
 * @throws TandemError as `readSettings`
 */
export function completeSettings(chosen: Partial<Settings>): Settings {
  return { ...readSettings(allSettings, {}, {}), ...chosen };
}

/**
 * Reads settings that code gives. Relative paths become absolute. The environment is not read.
 * @throws TandemError `invalid-configuration`, naming every bad value and every unknown name
 * @example const { 'grpc-port': port } = settingsFromCode({ grpcPort: 8081 });
 */
export function settingsFromCode(chosen: TandemSettings): Settings {
  const names = new Map(allSettings.map((setting) => [camelCase(setting), setting]));
  const given = Object.entries(chosen).filter(([, value]) => value !== undefined);
  const unknown = given
    .filter(([name]) => !names.has(name))
    .map(([at]) => ({ at, detail: 'unknown setting' }));
  if (unknown.length > 0)
    throw new TandemError('invalid-configuration', `${unknown.length} unknown setting(s)`, {
      items: unknown,
    });
  const texts = Object.fromEntries(given.map(([name, value]) => [names.get(name), String(value)]));
  const read = readSettings(allSettings, texts, {}, camelCase);
  return { ...read, data: path.resolve(read.data), models: path.resolve(read.models) };
}

function camelCase(setting: string): string {
  return setting.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
