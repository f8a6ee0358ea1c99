import type { Value } from '../graph/value.ts';
import { required } from '../indexing.ts';

/** Something for every parameter, by name: `adapter.<m>.…` belongs to modality m, `fusion.…` to all. */
export type Parameters<Content = Value> = Readonly<Record<string, Content>>;

/**
 * What there is for a parameter.
 * @throws Error naming the parameter, where there is nothing for it
 * @example parameterOf(parameters, 'fusion.bias')
 */
export function parameterOf<Content>(parameters: Parameters<Content>, name: string): Content {
  return required(parameters[name], `the parameter ${name}`);
}
