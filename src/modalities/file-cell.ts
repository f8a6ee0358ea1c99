/**
 * A cell of a table that is a file itself, as bytes. In JSON it is the name that the table gives the file, or null.
 * @example JSON.stringify({ image: new FileCell(bytes, 'cat.png') }) // '{"image":"cat.png"}'
 */
export class FileCell {
  readonly bytes: Uint8Array;
  readonly name: string | undefined;

  constructor(bytes: Uint8Array, name?: string) {
    this.bytes = bytes;
    this.name = name;
  }

  toJSON(): string | null {
    return this.name ?? null;
  }
}
