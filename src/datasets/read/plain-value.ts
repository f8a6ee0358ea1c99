/** A plain value of a table as trimmed text: empty for what is absent, null for what is no plain value. */
export function readText(value: unknown): string | null {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value.trim();
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;
}
