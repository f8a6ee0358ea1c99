const million = 10 ** 6;

/** A field of protobuf that holds bytes. */
export function field(number: number, content: Buffer): Buffer {
  const length = [];
  let rest = content.length;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) length.push((rest % 0x80) | 0x80);
  return Buffer.concat([Buffer.from([number * 8 + 2, ...length, rest]), content]);
}

const repeated = (bytes: Buffer, times: number) => Buffer.alloc(bytes.length * times, bytes);
const empty = (number: number) => Buffer.from([number * 8 + 2, 0]);

/** The same field in itself so many times. */
function nested(number: number, levels: number): Buffer {
  let bytes: Buffer = Buffer.alloc(0);
  for (let level = 0; level < levels; level++) bytes = field(number, bytes);
  return bytes;
}

/** `ModelInferRequest`s of open_inference.proto that hold millions of parts in 18 MB, by what these are. */
export const costlyMessages: Record<string, () => Buffer> = {
  'empty inputs': () => repeated(empty(5), 9 * million),
  'empty outputs': () => repeated(empty(6), 9 * million),
  'empty parameters': () => repeated(empty(4), 9 * million),
  'empty raw contents': () => repeated(empty(7), 9 * million),
  'unknown fields': () => repeated(Buffer.from([15 * 8, 0]), 9 * million),
  'empty elements': () => field(5, field(5, repeated(empty(8), 9 * million))),
  'truth values': () => field(5, field(5, field(1, Buffer.alloc(18 * million)))),
  numbers: () => field(5, field(5, field(6, Buffer.alloc(18 * million)))),
  dimensions: () => field(5, field(3, Buffer.alloc(18 * million))),
};

/** The same that are no more than large: one value of 18 MB, or levels that nobody has to walk down. */
export const largeMessages: Record<string, () => Buffer> = {
  'a raw content': () => Buffer.concat([empty(5), field(7, Buffer.alloc(18 * million))]),
  'an unknown field': () => field(15, Buffer.alloc(18 * million)),
  'a name': () => field(1, Buffer.alloc(18 * million, 'a')),
  'unknown messages in each other': () => nested(15, 3000),
  'inputs in each other': () => nested(5, 3000),
  'parameters in each other': () => nested(4, 3000),
  'groups in each other': () => repeated(Buffer.from([15 * 8 + 3]), 18 * million),
};
