/**
 * The item at an index, which counts from the end where it is negative. For what must be there: a mistake is found where it
 * is made. Not for loops over pixels and the like, where the call costs more than the work.
 * @param items none of which is undefined
 * @throws RangeError naming the index, where there is no such item
 * @example itemAt(['a', 'b'], -1) // 'b'
 */
export function itemAt<Item>(items: ArrayLike<Item>, index: number): Item {
  const item = items[index < 0 ? items.length + index : index];
  if (item === undefined) throw new RangeError(`no item at index ${index} of ${items.length}`);
  return item;
}

/**
 * The items, of which there must be one at least.
 * @throws RangeError where there is none
 * @example const [first, ...others] = oneOrMore(names);
 */
export function oneOrMore<Item>(items: readonly Item[]): readonly [Item, ...Item[]] {
  return [itemAt(items, 0), ...items.slice(1)];
}

/**
 * The value of a key that a map must have.
 * @throws RangeError naming the key, where the map has no such key
 * @example valueFor(new Map([['cat', 3]]), 'cat') // 3
 */
export function valueFor<Key, Value>(map: { get(key: Key): Value | undefined }, key: Key): Value {
  const value = map.get(key);
  if (value === undefined) throw new RangeError(`no value for the key ${String(key)}`);
  return value;
}

/**
 * What must be there.
 * @param what names it in the error
 * @throws Error saying that it is missing
 * @example const port = required(parentPort, 'the port to the parent thread');
 */
export function required<Value>(value: Value | null | undefined, what: string): Value {
  if (value === undefined || value === null) throw new Error(`${what} is missing`);
  return value;
}
