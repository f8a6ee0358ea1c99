import { lookup } from 'node:dns/promises';
import type { Settings } from '../config.ts';
import { TandemError } from '../errors.ts';
import { product } from '../product.ts';
import type { Access } from '../protocols/pipeline/access.ts';
import { isLoopbackAddress } from '../remote/address-range.ts';
import type { ApiKeys } from '../store/keys.ts';
import type { Sessions } from '../store/sessions.ts';

/**
 * Decides who may ask the server: everyone, where the settings say so or where it listens on loopback and no key was
 * ever made; else who has a key, or the token of a session that was begun with one.
 * @throws TandemError `invalid-configuration` where others could reach a server that has no key, saying what to type
 * @example createApp(services, { access: await accessTo(settings, keys, sessions), … });
 */
export async function accessTo(
  { anonymous, host, data }: Pick<Settings, 'anonymous' | 'host' | 'data'>,
  keys: ApiKeys,
  sessions?: Pick<Sessions, 'find'>,
): Promise<Access> {
  if (anonymous === 'everyone') return async () => 'open';
  const loopback = await isLoopback(host);
  if (!loopback && !(await keys.any()))
    throw new TandemError(
      'invalid-configuration',
      `others can reach ${host}, and there is no key in ${data}. Make one: ${product.invocation} keys create me --scope admin. ` +
        'Or let everyone in: --anonymous everyone. Or listen on 127.0.0.1 alone',
    );
  return async (secret) => {
    if (loopback && !(await keys.wereMade())) return 'open';
    if (secret === undefined) return undefined;
    return (await keys.find(secret)) ?? (await sessions?.find(secret))?.scope;
  };
}

/** True where every address that a name stands for is this machine's own loopback. */
export async function isLoopback(host: string): Promise<boolean> {
  const addresses = await lookup(host, { all: true }).catch(() => []);
  return addresses.length > 0 && addresses.every(({ address }) => isLoopbackAddress(address));
}
