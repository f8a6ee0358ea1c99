/**
 * Calls `work` for every item, at most `limit` at a time, and answers in the order of the items.
 * @example const sizes = await concurrently(paths, 4, async (path) => (await stat(path)).size);
 */
export async function concurrently<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [index, item] of queue) results[index] = await work(item, index);
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return results;
}
