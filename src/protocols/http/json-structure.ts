import { TandemError } from '../../errors.ts';

/** How much structure JSON may have: parsing and checking cost by the value, not by the byte. */
export interface JsonLimits {
  /** Most values: elements of lists and members of objects, together. */
  values: number;
  /** Most members of objects, together. */
  members: number;
  /** Most lists and objects within each other. */
  depth: number;
}

/** Room for the largest request that is not a list of numbers. */
export const defaultJsonLimits: JsonLimits = { values: 10_000, members: 10_000, depth: 32 };

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openList, openObject, closeList, closeObject] = [0x5b, 0x7b, 0x5d, 0x7d];

/**
 * Counts the structure of JSON while its bytes come in, so that neither `JSON.parse` nor a schema meets millions of values.
 * It looks at brackets, commas and colons outside of strings; whether the bytes are JSON at all is not its concern.
 * @example
 * const structure = new JsonStructure();
 * for await (const piece of body) structure.add(piece); // throws where there is too much of it
 */
export class JsonStructure {
  readonly #limits: JsonLimits;
  #values = 0;
  #members = 0;
  #depth = 0;
  #inString = false;
  #isEscaped = false;

  constructor(limits: JsonLimits = defaultJsonLimits) {
    this.#limits = limits;
  }

  /**
   * Counts the next piece of UTF-8.
   * @throws TandemError `payload-too-large` for too many values or members, `invalid-request` for too many levels
   */
  add(piece: Uint8Array): void {
    let [values, members, depth] = [this.#values, this.#members, this.#depth];
    let [inString, isEscaped] = [this.#inString, this.#isEscaped];
    const limits = this.#limits;
    const marks = new StringMarks(piece);
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at];
      if (inString) {
        if (isEscaped) isEscaped = false;
        else if (byte === backslash) isEscaped = true;
        else if (byte === quote) inString = false;
        else at = marks.before(at);
      } else if (byte === quote) {
        inString = true;
        marks.begin(at);
      } else if (byte === comma) values++;
      else if (byte === colon) members++;
      else if (byte === openList || byte === openObject) {
        values++;
        if (++depth > limits.depth) throw tooDeep(limits.depth);
      } else if (byte === closeList || byte === closeObject) depth--;
    }
    if (values > limits.values) throw tooMany(`${limits.values} values`);
    if (members > limits.members) throw tooMany(`${limits.members} fields`);
    [this.#values, this.#members, this.#depth] = [values, members, depth];
    [this.#inString, this.#isEscaped] = [inString, isEscaped];
  }
}

/** Bytes of a string that are walked one by one before the next mark is searched for: a search costs as much. */
const walked = 32;

/** Skips what stands between the quotes and backslashes of a string, as base64 of an image does for megabytes. */
class StringMarks {
  readonly #piece: Uint8Array;
  #searchFrom = walked;
  #nextBackslash = -1;
  #nextQuote = -1;

  constructor(piece: Uint8Array) {
    this.#piece = piece;
  }

  begin(at: number): void {
    this.#searchFrom = at + walked;
  }

  /** The place before the next mark; the same place where the next byte is looked at first. */
  before(at: number): number {
    if (at < this.#searchFrom) return at;
    if (this.#nextBackslash < at) this.#nextBackslash = this.#find(backslash, at);
    if (this.#nextQuote < at) this.#nextQuote = this.#find(quote, at);
    const next = Math.min(this.#nextQuote, this.#nextBackslash);
    this.#searchFrom = next + walked;
    return next - 1;
  }

  #find(byte: number, from: number): number {
    const found = this.#piece.indexOf(byte, from);
    return found < 0 ? this.#piece.length : found;
  }
}

function tooMany(limit: string): TandemError {
  return new TandemError('payload-too-large', `the JSON has more than ${limit}`);
}

function tooDeep(depth: number): TandemError {
  return new TandemError('invalid-request', `the JSON is nested more than ${depth} levels deep`, {
    fix: 'Send fewer lists and objects within each other.',
  });
}
