/** A model's file is not the one that was asked for: its sha256 is another. */
export class DamagedModel extends Error {
  override readonly name = 'DamagedModel';
}
