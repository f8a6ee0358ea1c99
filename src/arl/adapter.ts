import { gelu } from '../graph/operations/elementwise.ts';
import { gemm } from '../graph/operations/linear.ts';
import { layerNorm } from '../graph/operations/normalization.ts';
import type { Value } from '../graph/value.ts';
import type { AdapterForm } from './architecture.ts';
import { type Parameters, parameterOf } from './parameters.ts';

/**
 * `z_m` [B, h] from the frozen feature `x_m` [B, D_m]: the part of the head that stands for the paper's encoder.
 * @example adapt('mlp', 0, x, parameters) // gelu(layerNorm(x A_0 + a_0))
 */
export function adapt(form: AdapterForm, m: number, x: Value, parameters: Parameters): Value {
  const weight = parameterOf(parameters, `adapter.${m}.weight`);
  if (form === 'linear') return gemm(x, weight);
  const projected = gemm(x, weight, { bias: parameterOf(parameters, `adapter.${m}.bias`) });
  return gelu(
    layerNorm(
      projected,
      parameterOf(parameters, `adapter.${m}.norm.weight`),
      parameterOf(parameters, `adapter.${m}.norm.bias`),
    ),
  );
}
