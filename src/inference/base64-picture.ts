import { TandemError } from '../errors.ts';

/**
 * The bytes of a picture that stands in a text, as base64 or as a data URL. Whether they are a picture is not looked
 * at. Lines may break, as in MIME (RFC 2045). Else strict, because Buffer.from drops what is not base64 without a word.
 * @throws TandemError `invalid-picture`
 * @example decodeBase64Picture('data:image/png;base64,iVBORw0KGgo=')
 */
export function decodeBase64Picture(text: string): Buffer {
  const given = text.replace(/^data:[^,]*;base64,/i, '');
  const base64 = /\s/.test(given) ? given.replaceAll(/[\t\n\r ]+/g, '') : given;
  if (/^data:/i.test(base64)) throw new TandemError('invalid-picture', 'its data URL is not base64');
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64))
    throw new TandemError('invalid-picture', 'it is neither base64 nor a data URL');
  return Buffer.from(base64, 'base64');
}
