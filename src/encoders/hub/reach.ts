import { isGlobalAddress } from '../../remote/address-range.ts';

/**
 * Where a download may connect to: to the hub, wherever it is set to be, and from there to addresses of the open internet; to
 * others only where the hub itself is inside one's own network.
 * @example
 * const reach = new Reach();
 * reach.allows('10.0.0.2', { isHub: false }); // false
 */
export class Reach {
  #isOwnNetwork = false;

  /** @param at `isHub`: the address is that of the hub's own name */
  allows(address: string, { isHub }: { isHub: boolean }): boolean {
    if (!isHub) return this.#isOwnNetwork || isGlobalAddress(address);
    this.#isOwnNetwork ||= !isGlobalAddress(address);
    return true;
  }
}
