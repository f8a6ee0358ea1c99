import type { Input } from '../modality.ts';

/** An input as a text. Texts never come as bytes: wire formats decode them. */
export function inputText(input: Input): string {
  return typeof input === 'string' ? input : Buffer.from(input).toString();
}
