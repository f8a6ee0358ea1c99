const whole = new Intl.NumberFormat('en');
const date = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' });
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** @example percent(0.8312) // '83.1 %' */
export function percent(share: number): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(1)}\u00a0%` : '–';
}

/** For axes. @example wholePercent(0.2) // '20 %' */
export function wholePercent(share: number): string {
  return `${Math.round(100 * share)}\u00a0%`;
}

/** Difference of two shares. @example points(0.139) // '13.9' */
export function points(difference: number): string {
  return (100 * difference).toFixed(1);
}

/**
 * With so many digits after the point, or as many that count where those would all be 0.
 * @example decimal(0.83124) // '0.83' @example decimal(0.00041234) // '0.00041'
 */
export function decimal(value: number, digits = 2): string {
  if (!Number.isFinite(value)) return '–';
  return value !== 0 && Math.abs(value) < 10 ** -digits ? value.toPrecision(digits) : value.toFixed(digits);
}

/** @example count(1, 'example') // '1 example' @example count(1200, 'example') // '1,200 examples' */
export function count(number: number, noun?: string): string {
  const figures = whole.format(number);
  return noun ? `${figures} ${noun}${number === 1 ? '' : 's'}` : figures;
}

/** @example day('2026-03-01T09:30:00Z') // '1 March 2026 at 09:30 UTC' */
export function day(iso: string): string {
  return `${date.format(new Date(iso))} UTC`;
}

/** The text, or as many of its characters as fit and an ellipsis. No character is cut in two. */
export function shorten(text: string, length: number): string {
  // A character may be many code units long, but an endless chain of accents is no text to be shown.
  const start = text.slice(0, 4 * length);
  const characters = Array.from(graphemes.segment(start), ({ segment }) => segment);
  if (start.length < text.length) characters.pop();
  else if (characters.length <= length) return text;
  return `${characters.slice(0, length).join('').trimEnd()}…`;
}
