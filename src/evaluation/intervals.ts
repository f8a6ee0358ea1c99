/** 97.5 % quantile of the normal distribution, for two-sided 95 % intervals. */
const z = 1.959964;

/** 95 % interval of a share (Wilson 1927): it holds for few examples and for shares near 0 and 1. */
export function shareInterval(successes: number, total: number): [low: number, high: number] {
  const share = successes / total;
  const centre = share + (z * z) / (2 * total);
  const half = z * Math.sqrt((share * (1 - share)) / total + (z * z) / (4 * total * total));
  const scale = 1 + (z * z) / total;
  return [Math.max(0, (centre - half) / scale), Math.min(1, (centre + half) / scale)];
}

/**
 * 95 % interval of the difference of two shares over the same examples (Agresti and Min 2005): Wald's, with half an
 * example added to each of the four outcomes.
 * @param gained examples that only the first gets right
 * @param lost examples that only the second gets right
 */
export function pairedInterval(gained: number, lost: number, total: number): [low: number, high: number] {
  const [b, c, n] = [gained + 0.5, lost + 0.5, total + 2];
  const difference = (b - c) / n;
  const half = (z * Math.sqrt(b + c - (b - c) ** 2 / n)) / n;
  return [Math.max(-1, difference - half), Math.min(1, difference + half)];
}
