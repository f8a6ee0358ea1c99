import type { Node, Value } from './value.ts';

/** The name of a node's operator; of another domain than ONNX's own, it begins with that. */
export function operatorName({ domain, operator }: Node): string {
  return domain ? `${domain}.${operator}` : operator;
}

/** An integer attribute. */
export function integerOf(node: Node, name: string, byDefault: number): number {
  const value = node.attributes[name] ?? byDefault;
  if (typeof value !== 'number') throw unsupported(node, `${name} that is not an integer`);
  return value;
}

/** A float attribute. */
export function floatOf(node: Node, name: string, byDefault: number): number {
  const value = node.attributes[name];
  if (value === undefined) return byDefault;
  if (typeof value !== 'object' || !('float' in value))
    throw unsupported(node, `${name} that is not a float`);
  return value.float;
}

/** A list of integers; undefined where the attribute is omitted. */
export function integersOf(node: Node, name: string): readonly number[] | undefined {
  const value = node.attributes[name];
  if (value === undefined || Array.isArray(value)) return value;
  throw unsupported(node, `${name} that is not a list of integers`);
}

/** The numbers of a constant that an operator takes as an input; undefined where it is omitted. */
export function integersIn(value: Value | undefined): number[] | undefined {
  if (value && value.kind !== 'constant')
    throw new Error('integers that are computed have no gradient rule: they must be a constant');
  return value && Array.from(value.data, Number);
}

/** @throws Error unless the attribute is omitted or has the only value that is supported */
export function expectAttribute(node: Node, name: string, only: string | number): void {
  const value = node.attributes[name] ?? only;
  const actual = typeof value === 'object' && 'float' in value ? value.float : value;
  if (actual !== only) throw unsupported(node, `${name} ${actual}`);
}

/** The error of a node that its operator allows and the gradient rule does not. */
export function unsupported(node: Node, what: string): Error {
  return new Error(`the gradient rule of ${operatorName(node)} does not cover ${what}`);
}

/** What a node of this operator always has. */
export function given<Present>(value: Present | undefined): Present {
  if (value === undefined) throw new Error('a node lacks an input or an output that its operator requires');
  return value;
}
