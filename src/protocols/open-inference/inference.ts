import { z } from 'zod';
import { TandemError } from '../../errors.ts';
import type { Prediction } from '../../heads/prediction.ts';
import { product } from '../../product.ts';
import { type AppOptions, usualMaximumItems } from '../pipeline/options.ts';
import { predictAndCount } from '../pipeline/outcomes.ts';
import { headName, versionName } from '../pipeline/path-names.ts';
import type { HeadSummary, Services } from '../pipeline/services.ts';
import { describeModel, itemsOf, outputsOf } from './model.ts';
import type { InferenceRequest, OutputTensor } from './tensors.ts';

/** What the server says of itself. */
export const serverMetadata = {
  name: product.command,
  version: product.version,
  extensions: ['binary_tensor_data'],
};

const modelSchema = z.object({ model: headName, version: versionName.optional() });

/**
 * The head that a model's name and version, or alias, mean; the latest version where it is empty.
 * @throws ZodError naming which of them cannot be one; TandemError `unknown-head`
 */
export async function headOf(services: Services, name: string, version = ''): Promise<HeadSummary> {
  modelSchema.parse({ model: name, version: version || undefined });
  return services.head(version === '' ? name : `${name}@${version}`);
}

/** The same as a model, with every version of it that can be asked. */
export async function modelOf(services: Services, name: string, version?: string) {
  const head = await headOf(services, name, version);
  return describeModel(head, (await services.versions.get(head.name)).versions);
}

/**
 * Classifies the items of a request. One that cannot be classified fails it as a whole: the protocol knows no errors
 * of items.
 * @returns the outputs that are asked for; all where none is
 * @throws TandemError that names the item; `invalid-request`
 */
export async function infer(
  services: Services,
  { maximumItems = usualMaximumItems, metrics }: Pick<AppOptions, 'maximumItems' | 'metrics'>,
  head: HeadSummary,
  asked: InferenceRequest,
  signal: AbortSignal,
): Promise<OutputTensor[]> {
  const { name, version, labels } = head;
  const { answers } = await predictAndCount(services, metrics, itemsOf(asked, head, maximumItems), {
    head: `${name}@${version}`,
    topK: Math.max(1, labels.length),
    signal,
  });
  const predictions = answers.map((result, index): Prediction => {
    if (!(result instanceof TandemError)) return result;
    throw new TandemError(result.code, `item ${index}: ${result.message}`);
  });
  const outputs = outputsOf(predictions, head);
  const unknown = [...asked.outputs.keys()].filter(
    (wanted) => !outputs.some((output) => output.name === wanted),
  );
  if (unknown.length > 0)
    throw new TandemError('invalid-request', `${name} has no output ${unknown.join(', ')}`);
  return asked.outputs.size === 0 ? outputs : outputs.filter((output) => asked.outputs.has(output.name));
}
