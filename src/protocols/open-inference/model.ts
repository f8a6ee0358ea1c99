import { TandemError } from '../../errors.ts';
import type { Prediction, PredictionInput } from '../../heads/prediction.ts';
import { itemAt, required, valueFor } from '../../indexing.ts';
import { decodeBase64Image } from '../../modalities/image/base64.ts';
import { isFitted, type ModalityName, type PretrainedName } from '../../modalities/registry.ts';
import { type TableValues, tableText } from '../../modalities/table/values.ts';
import { product } from '../../product.ts';
import type { TargetKind } from '../../targets/target-kind.ts';
import { describeFields } from '../pipeline/field-errors.ts';
import type { HeadSummary } from '../pipeline/services.ts';
import type { InferenceRequest, OutputTensor } from './tensors.ts';

/** A tensor's form, as model metadata shows it: -1 is the number of items. */
export interface TensorForm {
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

/** Outputs of heads that decide: whether an answer is accepted, and why not, with commas between. */
const decisionForms: readonly TensorForm[] = [
  { name: 'accepted', datatype: 'BOOL', shape: [-1] },
  { name: 'reasons', datatype: 'BYTES', shape: [-1] },
];

function formsOf({ target, labels, decides }: HeadSummary): TensorForm[] {
  return [...outputForms[target](labels.length), ...(decides ? decisionForms : [])];
}

/** The tensor that brings a modality's features in its place. */
const featuresOf = (modality: PretrainedName) => `${modality}_features`;

/** The encoders whose features a caller may have already: what is fitted is in the head itself. */
function pretrainedEncodersOf({ encoders }: HeadSummary) {
  return encoders.flatMap((encoder) =>
    isFitted(encoder.modality) ? [] : [{ ...encoder, modality: encoder.modality }],
  );
}

/**
 * A head as a model of the Open Inference Protocol. `parameters.labels` are the columns of `probabilities`, and
 * `parameters.encoders` says whose features its FP32 inputs take: of those encoders, by their fingerprints, and no others.
 * `parameters.columns` has the columns whose values `table` takes, and whether each holds numbers or categories.
 * @param versions that can be asked
 */
export function describeModel(head: HeadSummary, versions: readonly number[]) {
  const { name, target, labels, encoders } = head;
  const pretrained = pretrainedEncodersOf(head);
  const columns = encoders.flatMap(({ modality, columns }) => (columns ? [[modality, columns]] : []));
  return {
    name,
    versions: versions.map(String),
    platform: `${product.command}_onnxruntime`,
    inputs: [
      ...encoders.map(({ modality }) => ({ name: modality, datatype: 'BYTES', shape: [-1] })),
      ...pretrained.map(({ modality, dimension }) => ({
        name: featuresOf(modality),
        datatype: 'FP32',
        shape: [-1, dimension],
      })),
    ],
    outputs: formsOf(head),
    parameters: {
      labels,
      target,
      encoders: Object.fromEntries(
        pretrained.map(({ modality, id, fingerprint }) => [featuresOf(modality), { id, fingerprint }]),
      ),
      ...(columns.length > 0 && { columns: Object.fromEntries(columns) }),
    },
  };
}

/**
 * The items of a request: an element, or a row, of each tensor makes one. An empty element stands for a missing modality.
 * @throws TandemError `invalid-request` that names the tensor, and the item where it is one; `invalid-image`
 */
export function itemsOf(
  { inputs }: InferenceRequest,
  head: HeadSummary,
  maximumItems: number,
): PredictionInput[] {
  const { name, encoders } = head;
  const pretrained = pretrainedEncodersOf(head);
  const taken = [
    ...encoders.map(({ modality }): string => modality),
    ...pretrained.map(({ modality }) => featuresOf(modality)),
  ];
  const unknown = [...inputs.keys()].filter((input) => !taken.includes(input));
  if (unknown.length > 0)
    throw invalid(`${name} has no input ${unknown.join(', ')}; it takes ${taken.join(', ')}`);
  const [first = 0, ...others] = [...inputs.values()].map(({ items }) => items);
  if (others.some((items) => items !== first)) throw invalid('the inputs have different numbers of items');
  if (first > maximumItems) throw invalid(`${first} items, ${maximumItems} are the limit of a request`);
  const elements = new Map(encoders.map(({ modality }) => [modality, elementsOf(inputs, modality)]));
  const rows = pretrained.map((encoder) => [encoder.modality, rowsOf(inputs, encoder)] as const);
  return Array.from({ length: first }, (_, index) => {
    const features = rows.flatMap(([modality, found]) => (found ? [[modality, itemAt(found, index)]] : []));
    return {
      content: {
        image: toImage(elements.get('image')?.[index]),
        text: elements.get('text')?.[index]?.toString(),
        table: toTable(elements.get('table')?.[index]),
      },
      ...(features.length > 0 && { features: Object.fromEntries(features) }),
    };
  });
}

function elementsOf(
  inputs: InferenceRequest['inputs'],
  modality: ModalityName,
): readonly (string | Buffer)[] | undefined {
  const tensor = inputs.get(modality);
  if (tensor?.datatype === 'FP32')
    throw invalid(
      `${modality} is FP32; send BYTES${isFitted(modality) ? '' : `, or features as ${featuresOf(modality)}`}`,
    );
  return tensor?.elements;
}

/** The rows of a modality's features, each looked at: a number that is none would make every answer one. */
function rowsOf(
  inputs: InferenceRequest['inputs'],
  { modality, id, dimension }: ReturnType<typeof pretrainedEncodersOf>[number],
): readonly Float32Array[] | undefined {
  const input = featuresOf(modality);
  const tensor = inputs.get(input);
  if (!tensor) return undefined;
  if (tensor.datatype !== 'FP32') throw invalid(`${input} is ${tensor.datatype}; send FP32`);
  if (inputs.has(modality)) throw invalid(`${modality} and ${input} are both there; send one of them`);
  const { items, width, values } = tensor;
  if (width !== dimension)
    throw invalid(`${input} has ${width} values an item; features of ${id} have ${dimension}`);
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0)
    throw invalid(
      `${input}: item ${Math.floor(wrong / width)} has ${values[wrong]} as its value ${wrong % width}; all must be finite`,
    );
  return Array.from({ length: items }, (_, row) => values.subarray(row * width, (row + 1) * width));
}

function invalid(detail: string): TandemError {
  return new TandemError('invalid-request', detail);
}

/** An image in JSON is base64, because JSON has no bytes. */
function toImage(element: string | Buffer | undefined): Uint8Array | undefined {
  if (element === undefined || element.length === 0) return undefined;
  return typeof element === 'string' ? decodeBase64Image(element) : element;
}

/** Values of columns, as JSON. */
function toTable(element: string | Buffer | undefined): TableValues | undefined {
  if (element === undefined || element.length === 0) return undefined;
  const { data, error } = tableText.safeParse(element.toString());
  if (error) throw invalid(`table: ${describeFields(error).message}`);
  return data;
}

/** What a head says of items, as tensors. */
export function outputsOf(predictions: readonly Prediction[], head: HeadSummary): OutputTensor[] {
  const { labels } = head;
  const place = new Map(labels.map((label, index) => [label, index]));
  const inOrder = <Value>(read: (label: Prediction['labels'][number]) => Value) =>
    predictions.flatMap((prediction) => {
      const row = new Array<Value>(labels.length);
      for (const label of prediction.labels) row[valueFor(place, label.label)] = read(label);
      return row;
    });
  const data: Record<string, () => OutputTensor['data']> = {
    label: () => predictions.map((prediction) => itemAt(prediction.labels, 0).label),
    probability: () => predictions.map(({ confidence }) => required(confidence, 'the probability')),
    probabilities: () => inOrder(({ probability }) => probability),
    given: () => inOrder(({ given }) => given === true),
    accepted: () => predictions.map(({ decision }) => decision === 'accepted'),
    reasons: () => predictions.map(({ reasons = [] }) => reasons.map(({ reason }) => reason).join()),
    value: () => predictions.map(({ value }) => required(value, 'the value')),
  };
  return formsOf(head).map(({ name, datatype, shape }) => ({
    name,
    datatype,
    shape: [predictions.length, ...shape.slice(1)],
    data: required(data[name], name)(),
  }));
}
