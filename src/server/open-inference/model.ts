import type { TargetKind } from '../../arl/target.ts';
import { TandemError } from '../../errors.ts';
import { decodeBase64Picture } from '../../inference/base64-picture.ts';
import type { Modality, Prediction, PredictionInput } from '../../inference/prediction.ts';
import { product } from '../../product.ts';
import type { HeadSummary } from '../services.ts';
import type { InferenceRequest, OutputTensor } from './tensors.ts';

/** A tensor's form, as model metadata shows it: -1 is the number of items. */
interface TensorForm {
  name: string;
  datatype: OutputTensor['datatype'];
  shape: number[];
}

/** The outputs of a head; `labels` is how many it has. */
const outputForms: Record<TargetKind, (labels: number) => TensorForm[]> = {
  single: (labels) => [
    { name: 'label', datatype: 'BYTES', shape: [-1] },
    { name: 'probability', datatype: 'FP32', shape: [-1] },
    { name: 'probabilities', datatype: 'FP32', shape: [-1, labels] },
  ],
  multi: (labels) => [
    { name: 'given', datatype: 'BOOL', shape: [-1, labels] },
    { name: 'probabilities', datatype: 'FP32', shape: [-1, labels] },
  ],
  regression: () => [{ name: 'value', datatype: 'FP32', shape: [-1] }],
};

/** A head as a model of the Open Inference Protocol; `parameters.labels` are the columns of `probabilities`. */
export function describeModel({ name, version, target, labels, modalities }: HeadSummary) {
  return {
    name,
    versions: [String(version)],
    platform: `${product.command}_onnxruntime`,
    inputs: modalities.map((modality) => ({ name: modality, datatype: 'BYTES', shape: [-1] })),
    outputs: outputForms[target](labels.length),
    parameters: { labels, target },
  };
}

/**
 * The items of a request: an element of each tensor makes one. An empty one stands for a missing modality.
 * @throws TandemError `invalid-request`, `invalid-picture`
 */
export function itemsOf(
  { inputs }: InferenceRequest,
  { name, modalities }: HeadSummary,
  maximumItems: number,
): PredictionInput[] {
  const unknown = [...inputs.keys()].filter((input) => !modalities.includes(input as Modality));
  if (unknown.length > 0)
    throw new TandemError(
      'invalid-request',
      `${name} has no input ${unknown.join(', ')}; it takes ${modalities.join(' and ')}`,
    );
  const [first, ...others] = [...inputs.values()].map((elements) => elements.length);
  if (others.some((length) => length !== first))
    throw new TandemError('invalid-request', 'the inputs have different numbers of items');
  if (first > maximumItems)
    throw new TandemError('invalid-request', `${first} items, ${maximumItems} are the limit of a request`);
  return Array.from({ length: first }, (_, index) => ({
    image: toPicture(inputs.get('image')?.[index]),
    text: inputs.get('text')?.[index].toString(),
  }));
}

/** A picture in JSON is base64, because JSON has no bytes. */
function toPicture(element: string | Buffer | undefined): Uint8Array | undefined {
  if (element === undefined || element.length === 0) return undefined;
  return typeof element === 'string' ? decodeBase64Picture(element) : element;
}

/** What a head says of items, as tensors. */
export function outputsOf(
  predictions: readonly Prediction[],
  { target, labels }: HeadSummary,
): OutputTensor[] {
  const place = new Map(labels.map((label, index) => [label, index]));
  const inOrder = <Value>(read: (label: Prediction['labels'][number]) => Value) =>
    predictions.flatMap((prediction) => {
      const row = new Array<Value>(labels.length);
      for (const label of prediction.labels) row[place.get(label.label)!] = read(label);
      return row;
    });
  const data: Record<string, () => OutputTensor['data']> = {
    label: () => predictions.map((prediction) => prediction.labels[0].label),
    probability: () => predictions.map(({ confidence }) => confidence!),
    probabilities: () => inOrder(({ probability }) => probability),
    given: () => inOrder(({ given }) => given === true),
    value: () => predictions.map(({ value }) => value!),
  };
  return outputForms[target](labels.length).map(({ name, datatype, shape }) => ({
    name,
    datatype,
    shape: [predictions.length, ...shape.slice(1)],
    data: data[name](),
  }));
}
