import { isIP } from 'node:net';
import { z } from 'zod';
import { mostTogether, separateNames } from './encoder-list.ts';

/** What the table of `config.ts` says of a setting. */
export interface Setting<Schema extends z.ZodType = z.ZodType> {
  /** What `--help` says. */
  about: string;
  /** What stands for the value in `--help`. */
  value: string;
  default: string;
  /** A variable that platforms set by themselves, where ours is not set. */
  usual?: string;
  /** Never shown. */
  isSecret?: boolean;
  /** Its flag may be given several times, which is the same as commas between the values. */
  isRepeatable?: boolean;
  /** Its flag alone means `on`. */
  isSwitch?: boolean;
  schema: Schema;
}

/** Keeps the type of the schema. */
export function setting<Schema extends z.ZodType>(definition: Setting<Schema>): Setting<Schema> {
  return definition;
}

/** A whole number, as text. */
export const wholeNumber = (least: number, most: number) =>
  z.string().min(1, 'it is empty').pipe(z.coerce.number<string>().int().min(least).max(most));
export const auto = z.literal('auto');
export const name = z.string().min(1);
/** Items with commas between, blank ones left out. */
export const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

/** The encoders of a modality: names with `+` or commas between, each once. */
export const encoderList = z
  .string()
  .transform(separateNames)
  .pipe(
    z
      .array(z.string().min(1, 'a name is empty'))
      .max(mostTogether, `at most ${mostTogether} encoders make the features of a modality together`)
      .refine((names) => new Set(names).size === names.length, 'each encoder must be named once'),
  );

/** Whether it is an address, a range (`10.0.0.0/8`) or the name of one, as `trusted-proxies` takes them. */
export function isAddressRange(text: string): boolean {
  const [address = '', bits] = text.split('/');
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true;
  const version = isIP(address);
  return (
    version > 0 && (bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)))
  );
}
