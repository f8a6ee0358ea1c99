import { fromBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  ModelProtoSchema,
} from '../graph/onnx/onnx_pb.js';
import { required } from '../indexing.ts';
import { type AdapterForm, type HeadArchitecture, initialParameters } from './architecture.ts';
import { type FusionName, fusions } from './fusion.ts';
import { emitPrototypes } from './prototypes.ts';
import { emitHead } from './serving.ts';
import type { TargetLoss } from './target-loss.ts';

const adapterForms = Object.keys({ linear: true, mlp: true } satisfies Record<AdapterForm, true>);

/**
 * One small head of every form that can be trained, or made of prototypes.
 * @param targets those that heads are trained for
 * @returns the bytes of each head.onnx
 */
export function* everyFormOfHead(targets: readonly TargetLoss[]): Generator<Uint8Array> {
  for (const fusion of Object.keys(fusions) as FusionName[])
    for (const adapter of adapterForms as AdapterForm[])
      for (const target of targets)
        for (const modalities of [1, 2, 3])
          if ((fusions[fusion].modalities ?? modalities) === modalities)
            yield* formsOf({
              fusion,
              adapter,
              target,
              dimensions: [3, 4, 5].slice(0, modalities),
              hidden: 6,
              classes: 2,
            });
  for (const modalities of [1, 2]) yield headOfPrototypes(modalities);
}

function headOfPrototypes(modalities: number): Uint8Array {
  const named = Array.from({ length: modalities }, (_, m) => {
    const dimension = 3 + m;
    const rows = new Float32Array(2 * dimension).fill(0.5);
    return [`modality${m}`, { rows, dimension, scale: 10, bias: -1 }];
  });
  return emitPrototypes(Object.fromEntries(named));
}

/** The same architecture with and without a calibration and a scaling of its output. */
function* formsOf(architecture: HeadArchitecture): Generator<Uint8Array> {
  const { dimensions, classes } = architecture;
  const filled = (length: number) => new Float32Array(length).fill(0.5);
  const names = dimensions.map((_, m) => `modality${m}`);
  const scaling = dimensions.map((length) => ({ mean: filled(length), factor: filled(length) }));
  const parameters = initialParameters(architecture, () => 0.25);
  const calibration = {
    fused: dimensions.length > 1 ? [0.5, ...dimensions.map(() => 0.5)] : [0.5],
    unimodal: dimensions.map(() => 0.5),
  };
  const output = { mean: filled(classes), deviation: filled(classes) };
  for (const options of [{}, { calibration }, { output }, { calibration, output }])
    yield emitHead(architecture, names, scaling, parameters, options);
}

/** How an operator is called with its domain, where it has one: `Gemm`, `com.microsoft.FusedMatMul`. */
export function operatorName({ domain, opType }: { domain: string; opType: string }): string {
  return domain === '' ? opType : `${domain}.${opType}`;
}

/** How an attribute is called with its type: `alpha: FLOAT`. */
export function attributeName({ name, type }: Pick<AttributeProto, 'name' | 'type'>): string {
  return `${name}: ${AttributeProto_AttributeType[type]}`;
}

/**
 * The operators that heads are made of, each with its attributes: what `emitHead` writes for every form of head.
 * @param targets those that heads are trained for
 * @example servingOperators([singleLoss]).has('Gemm') // true
 */
export function servingOperators(targets: readonly TargetLoss[]): ReadonlyMap<string, ReadonlySet<string>> {
  const operators = new Map<string, Set<string>>();
  for (const bytes of everyFormOfHead(targets))
    for (const node of required(fromBinary(ModelProtoSchema, bytes).graph, 'the graph of the head').node) {
      const name = operatorName(node);
      const attributes = operators.get(name) ?? new Set();
      for (const attribute of node.attribute) attributes.add(attributeName(attribute));
      operators.set(name, attributes);
    }
  return operators;
}
