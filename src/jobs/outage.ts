/** Seconds until a job is tried again whose store was away, the first time and at most. */
const firstDelay = 5;
export const longestDelay = 300;

/** Seconds until a job is tried again that a store kept from going on so many times. */
export function delayAfter(outages: number): number {
  return Math.min(longestDelay, firstDelay * 2 ** Math.min(outages - 1, 16));
}
