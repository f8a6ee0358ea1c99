import type { Installation } from './places.ts';
import { readSpecification, type TrunkOrigin } from './specification.ts';
import { cutEncoder, keepTrunk } from './trunk.ts';

/** A trunk, as a head that begins behind it names it. */
export interface NamedTrunk {
  fingerprint: string;
  dimension: number;
  trunkOf?: TrunkOrigin;
}

/**
 * Cuts a trunk off its encoder anew, where that is here: heads that were trained elsewhere bring none along.
 * @param added the folder of added encoders, which the trunk goes into
 * @returns whether it is here then
 * @throws TandemError as `cutEncoder`
 */
export async function restoreTrunk(
  { fingerprint, dimension, trunkOf }: NamedTrunk,
  installed: Pick<Installation, 'find'>,
  added: string | undefined,
): Promise<boolean> {
  const whole = trunkOf && (await installed.find(trunkOf.fingerprint));
  if (!whole || added === undefined) return false;
  const { blocks, tokens } = trunkOf;
  const cut = await cutEncoder({ folder: whole.folder, blocks, tokens });
  const folder = await keepTrunk(cut, dimension, added);
  return (await readSpecification(folder)).fingerprint === fingerprint;
}
