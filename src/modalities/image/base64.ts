import { TandemError } from '../../errors.ts';

/**
 * The bytes of an image that stands in a text, as base64 or as a data URL. Whether they are an image is not looked
 * at. Lines may break, as in MIME (RFC 2045). Else strict, because Buffer.from drops what is not base64 without a word.
 * @throws TandemError `invalid-image`
 * @example decodeBase64Image('data:image/png;base64,iVBORw0KGgo=')
 */
export function decodeBase64Image(text: string): Buffer {
  const given = text.replace(/^data:[^,]*;base64,/i, '');
  if (/^\s*data:/i.test(given)) throw new TandemError('invalid-image', 'its data URL is not base64');
  if (!(/\s/.test(given) ? isBrokenBase64(given) : isBase64(given)))
    throw new TandemError('invalid-image', 'it is neither base64 nor a data URL');
  return Buffer.from(given, 'base64');
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
}

const equalsSign = '='.charCodeAt(0);
/** Of a byte: 0 for a digit of base64, `blank`, or `other`. */
const kinds = new Uint8Array(256);
const [blank, other] = [1, 2];
kinds.fill(other);
for (const each of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')
  kinds[each.charCodeAt(0)] = 0;
for (const each of '\t\n\r ') kinds[each.charCodeAt(0)] = blank;

/**
 * The same with blanks in it. A megabyte may have hundreds of thousands of them: taking them out, or deciding about each
 * byte, would cost far more than counting them.
 */
function isBrokenBase64(text: string): boolean {
  const bytes = Buffer.from(text);
  const padded = bytes.indexOf(equalsSign);
  const end = padded < 0 ? bytes.length : padded;
  let blanks = 0;
  let seen = 0;
  for (let at = 0; at < end; at++) {
    const kind = kinds[bytes[at] ?? 0] ?? other;
    blanks += kind & blank;
    seen |= kind;
  }
  let paddings = 0;
  for (let at = end; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === equalsSign) paddings++;
    else if (kinds[byte] !== blank) return false;
  }
  const digits = end - blanks;
  return (seen & other) === 0 && digits > 0 && paddings <= 2 && (digits + paddings) % 4 === 0;
}
