import { uuidOfJson } from '../store/files/checksum.ts';

/**
 * Who runs a job, as a fencing token (Kleppmann, "How to do distributed locking", 2016): an integer that grows whenever
 * the job changes hands. Every write of a job checks it, so that a server that lost the job without noticing writes
 * nothing. No clock decides anything: the database counts.
 */
export interface Ownership {
  /** The job. */
  id: string;
  token: number;
}

/** Each time that a job is queued leaves room for as many claims: more than pg-boss ever brings it. */
const claimsOfAnOffer = 1000;

/** The token of a job that is queued anew: greater than all that owners may have had before. */
export function nextBase(token: number): number {
  return (Math.floor(token / claimsOfAnOffer) + 1) * claimsOfAnOffer;
}

/**
 * The token of the server that pg-boss brings an offered job to.
 * @param base the job's token when it was offered
 * @param retryCount how often pg-boss has brought this offer before
 */
export function claimOf(base: number, retryCount: number): number {
  return base + 1 + Math.min(retryCount, claimsOfAnOffer - 2);
}

/** pg-boss's id of an offer: another one for each, so that nothing said of an earlier offer touches a later one. */
export function offerId({ id, token }: Ownership): string {
  const base = token - (token % claimsOfAnOffer);
  return uuidOfJson([id, base]);
}
