/** Characters of what a dataset brings that a message repeats. */
const longestQuote = 100;

/**
 * A name or value of a dataset as messages show it: in quotes, control characters escaped, cut where it is long.
 * @example quote('kind') // "kind", with the quotes
 */
export function quote(text: string): string {
  return JSON.stringify(shorten(text));
}

/** The same without quotes. */
export function shorten(text: string): string {
  return text.length > longestQuote ? `${text.slice(0, longestQuote)}…` : text;
}

/**
 * Some of many names, in quotes.
 * @example quoteSome(['a', 'b']) // "a", "b"
 */
export function quoteSome(names: readonly string[], most = 20): string {
  const shown = names.slice(0, most).map(quote).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}

/** Whether a name has control characters in it: they would act on the terminal that lists it. */
export function hasControlCharacters(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

/** A word as a shell takes it. @example quoteForShell('query: ') // "'query: '" */
export function quoteForShell(word: string): string {
  return /^[\w./:@=,+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
