/** As Python writes a list of texts. */
const pythonList = /^\[\s*(?:'[^']*'\s*,\s*)*'[^']*'\s*\]$/;

/**
 * A list that stands in a text, as JSON or as Python writes it, as pandas does in CSV.
 * @returns undefined where it is none
 * @example readWrittenList("['red', 'big']") // ['red', 'big']
 */
export function readWrittenList(text: string): unknown[] | undefined {
  const trimmed = text.trim();
  if (!trimmed.startsWith('[') || !trimmed.endsWith(']')) return undefined;
  try {
    const list: unknown = JSON.parse(
      pythonList.test(trimmed) ? trimmed.replaceAll('"', '\\"').replaceAll("'", '"') : trimmed,
    );
    return Array.isArray(list) ? list : undefined;
  } catch {
    return undefined;
  }
}
