import { TandemError } from '../../errors.ts';
import { mostNumbers } from './tensors.ts';

/**
 * What stands in the fields of a protobuf message, by their numbers: a message, or a packed list of numbers of so many
 * bytes each (varints have one at least). Anything else is one value.
 */
export interface MessageLayout {
  [field: number]: MessageLayout | 1 | 4 | 8;
}

/** Most fields of a message, those of the messages within it included. */
const mostFields = 10_000;
/** Most numbers of packed lists: features, and the shapes beside them. */
const mostPacked = mostNumbers + mostFields;

const parameters: MessageLayout = { 2: {} };
const contents: MessageLayout = { 1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 4, 7: 8 };
/** `ModelInferRequest` of open_inference.proto. */
export const inferLayout: MessageLayout = {
  4: parameters,
  5: { 3: 1, 4: parameters, 5: contents },
  6: { 2: parameters },
};

/**
 * Walks over a message without decoding it: each of its fields would become an object, and 20 MiB hold ten million.
 * @throws TandemError `payload-too-large` for too many fields or numbers, `invalid-request` where it is no message
 * @example checkMessage(bytes, inferLayout);
 */
export function checkMessage(bytes: Uint8Array, layout: MessageLayout): void {
  new MessageWalk(bytes).walk(layout, 0, bytes.length);
}

class MessageWalk {
  readonly #bytes: Uint8Array;
  #at = 0;
  #fields = 0;
  #numbers = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  walk(layout: MessageLayout, start: number, end: number): void {
    this.#at = start;
    while (this.#at < end) {
      const tag = this.#varint();
      if (++this.#fields > mostFields) throw tooMany(`${mostFields} fields`);
      const wireType = tag % 8;
      if (wireType === 0) this.#varint();
      else if (wireType === 1) this.#at += 8;
      else if (wireType === 5) this.#at += 4;
      else if (wireType === 2) this.#lengthDelimited(layout[Math.floor(tag / 8)], end);
      else throw notMessage();
    }
    if (this.#at !== end) throw notMessage();
  }

  #lengthDelimited(inside: MessageLayout[number] | undefined, end: number): void {
    const length = this.#varint();
    const next = this.#at + length;
    if (next > end) throw notMessage();
    if (typeof inside === 'object') this.walk(inside, this.#at, next);
    else if (inside !== undefined) {
      this.#numbers += length / inside;
      if (this.#numbers > mostPacked) throw tooMany(`${mostPacked} numbers`);
    }
    this.#at = next;
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw notMessage();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw notMessage();
  }
}

function tooMany(limit: string): TandemError {
  return new TandemError('payload-too-large', `the message has more than ${limit}`);
}

/** The error of bytes that are no message. */
export function notMessage(cause?: unknown): TandemError {
  return new TandemError('invalid-request', 'the message is not a valid protobuf message', {
    cause,
    fix: 'Send the messages of open_inference.proto.',
  });
}
