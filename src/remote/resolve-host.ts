import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import pLimit from 'p-limit';
import { unlessAborted } from '../cancellation.ts';

/** Names that are looked up side by side: each holds one of the four threads that files are read on, too. */
const lookupsAtOnce = 2;
const limit = pLimit(lookupsAtOnce);

/**
 * Every address of a name, from the system's resolver.
 *
 * A lookup cannot be cancelled. So few are under way at a time that files are still read while each of them hangs, and one
 * whose caller has given up before its turn is not begun.
 * @throws what the signal says, as soon as it aborts; the resolver's error
 * @example const [{ address }] = await resolveHost('example.org', AbortSignal.timeout(5000));
 */
export async function resolveHost(
  host: string,
  signal: AbortSignal,
  look: (host: string) => Promise<LookupAddress[]> = (name) => lookup(name, { all: true }),
): Promise<LookupAddress[]> {
  return unlessAborted(
    signal,
    limit(() => (signal.aborted ? [] : look(host))),
  );
}
