/**
 * The items in order, so many at a time.
 * @example inBatches([1, 2, 3], 2) // [[1, 2], [3]]
 */
export function inBatches<Each>(items: readonly Each[], size: number): Each[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, batch) =>
    items.slice(batch * size, (batch + 1) * size),
  );
}
