import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { emitHead } from '../../../src/arl/serving.ts';
import { emitFunction } from '../../../src/graph/emit.ts';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  FunctionProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  NodeProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TensorProtoSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from '../../../src/graph/onnx/onnx_pb.js';
import { add, log, multiply, scale } from '../../../src/graph/operations/elementwise.ts';
import { gemm } from '../../../src/graph/operations/linear.ts';
import { softmax } from '../../../src/graph/operations/normalization.ts';
import { constant, dynamic, input, type Value } from '../../../src/graph/value.ts';
import { single } from '../../../src/targets/single.ts';

/** What a head takes and says. */
export interface HeadForm {
  encoders: readonly { modality: string; dimension: number }[];
  labels: readonly string[];
}

const float32 = 1;
const boolean = 9;

/** A head as training writes it, with weights that mean nothing. */
export function plainHead({ encoders, labels }: HeadForm): Uint8Array {
  const dimensions = encoders.map(({ dimension }) => dimension);
  const classes = labels.length;
  const parameters: Record<string, Float32Array> = { 'fusion.bias': new Float32Array(classes) };
  const filled = (length: number, value: number) => new Float32Array(length).fill(value);
  for (const [m, dimension] of dimensions.entries()) {
    parameters[`adapter.${m}.weight`] = filled(dimension, 0.01);
    parameters[`fusion.${m}.weight`] = Float32Array.from({ length: classes }, (_, label) => label);
  }
  return emitHead(
    { dimensions, hidden: 1, classes, adapter: 'linear', fusion: 'concat', target: single.loss },
    encoders.map(({ modality }) => modality),
    dimensions.map((dimension) => ({ mean: filled(dimension, 0), factor: filled(dimension, 1) })),
    parameters,
  );
}

/** A head whose answers are made of its inputs by a function of a test. */
export function headOf({ encoders, labels }: HeadForm, answer: (x: Value, labels: number) => Value) {
  const inputs = encoders.map(({ modality, dimension }) => input(modality, [dynamic, dimension]));
  const answers = inputs.map((x) => answer(x, labels.length));
  return emitFunction(inputs, {
    fused: answers[0],
    ...Object.fromEntries(encoders.map(({ modality }, m) => [`unimodal.${modality}`, answers[m]])),
  });
}

/** Logits of a feature: every label's is the sum of its numbers. */
export function logitsOf(x: Value, labels: number): Value {
  const [, dimension] = x.shape;
  return gemm(x, constant(new Float32Array(dimension * labels).fill(0.01), [dimension, labels]));
}

/** A model with something changed in it. */
export function changed(bytes: Uint8Array, change: (model: ModelProto, graph: GraphProto) => void) {
  const model = fromBinary(ModelProtoSchema, bytes);
  change(model, model.graph!);
  return toBinary(ModelProtoSchema, model);
}

const node = (
  opType: string,
  [input, output]: [input: string[], output: string[]],
  attribute: AttributeProto[] = [],
  domain = '',
) => create(NodeProtoSchema, { opType, name: output[0], input, output, attribute, domain });

const valueInfoOf = (name: string, elemType: number) =>
  create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: 'tensorType', value: { elemType, shape: { dim: [] } } } }),
  });

const subgraph = (name: string, g: GraphProto) =>
  create(AttributeProtoSchema, { name, type: AttributeType.GRAPH, g });

const float32s = (name: string, values: Float32Array, dims: bigint[]) =>
  create(TensorProtoSchema, { name, dataType: float32, dims, rawData: new Uint8Array(values.buffer) });

const int64s = (name: string, values: bigint[]) =>
  create(TensorProtoSchema, {
    name,
    dataType: 7,
    dims: [BigInt(values.length)],
    rawData: new Uint8Array(BigInt64Array.from(values).buffer),
  });

/** Lets what a head answers be read under another name, so that nodes can stand between. */
function behind(graph: GraphProto, output: string): string {
  const inner = `${output}.inner`;
  for (const each of graph.node) each.output = each.output.map((name) => (name === output ? inner : name));
  return inner;
}

/** A node that returns a float32 as it was; never, where a condition is true. */
export function endlessLoop(condition: string, state: string, output: string) {
  const body = create(GraphProtoSchema, {
    name: 'body',
    node: [node('Identity', [['go'], ['go.on']]), node('Identity', [['state'], ['state.on']])],
    input: [valueInfoOf('turn', 7), valueInfoOf('go', boolean), valueInfoOf('state', float32)],
    output: [valueInfoOf('go.on', boolean), valueInfoOf('state.on', float32)],
  });
  return node('Loop', [['', condition, state], [output]], [subgraph('body', body)]);
}

/**
 * A head that never answers where a feature is not zero: its Loop has no end. With all features zero, as a trial may
 * have them, it answers at once.
 */
export function endlessHead(form: HeadForm): Uint8Array {
  return changed(plainHead(form), (_model, graph) => {
    const inner = behind(graph, 'fused');
    graph.initializer.push(float32s('zero', Float32Array.of(0), []));
    graph.node.push(
      node('Abs', [[form.encoders[0].modality], ['absolute']]),
      node(
        'ReduceSum',
        [['absolute'], ['total']],
        [create(AttributeProtoSchema, { name: 'keepdims', type: AttributeType.INT, i: 0n })],
      ),
      node('Greater', [['total', 'zero'], ['condition']]),
      endlessLoop('condition', 'zero', 'state.end'),
      node('Add', [[inner, 'state.end'], ['fused']]),
    );
  });
}

/** Heads that the check has to turn down, by what is wrong with them. */
export function badHeads(form: HeadForm): Record<string, { bytes: Uint8Array; problem: RegExp }> {
  const plain = plainHead(form);
  const wrapped = (opType: string, attribute: AttributeProto[] = [], domain = '') =>
    changed(plain, (_model, graph) => {
      const inner = behind(graph, 'fused');
      graph.node.push(node(opType, [[inner], ['fused']], attribute, domain));
    });
  const empty = create(GraphProtoSchema, { name: 'body' });
  return {
    'an endless loop': { bytes: endlessHead(form), problem: /"Abs", which no head is made of/ },
    'a loop': {
      bytes: wrapped('Loop', [subgraph('body', empty)]),
      problem: /"Loop", which no head is made of/,
    },
    'a branch': { bytes: wrapped('If', [subgraph('then_branch', empty)]), problem: /"If"/ },
    'a scan': { bytes: wrapped('Scan', [subgraph('body', empty)]), problem: /"Scan"/ },
    'a subgraph where none belongs': {
      bytes: wrapped('Identity', [subgraph('body', empty)]),
      problem: /has the attribute "body: GRAPH"/,
    },
    'a foreign domain': { bytes: wrapped('Gemm', [], 'evil'), problem: /"evil.Gemm"/ },
    'a foreign domain that is only named': {
      bytes: changed(plain, (model) => {
        model.opsetImport[1].domain = 'evil';
      }),
      problem: /the domain "evil"/,
    },
    'a function': {
      bytes: changed(plain, (model) =>
        model.functions.push(create(FunctionProtoSchema, { name: 'Gemm', domain: '' })),
      ),
      problem: /has functions/,
    },
    'weights in another file': {
      bytes: changed(plain, (_model, graph) => {
        const [tensor] = graph.initializer;
        tensor.rawData = new Uint8Array();
        tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
        tensor.externalData = [
          create(StringStringEntryProtoSchema, { key: 'location', value: '/etc/passwd' }),
        ];
      }),
      problem: /has externalData/,
    },
    'weights that are too few': {
      bytes: changed(plain, (_model, graph) => {
        graph.initializer[0].dims = [2n ** 40n];
      }),
      problem: /say that they are \[1099511627776\]/,
    },
    'weights that are no numbers': {
      bytes: changed(plain, (_model, graph) => {
        graph.initializer[0].rawData = graph.initializer[0].rawData.map(() => 0xff);
      }),
      problem: /are not all finite/,
    },
    'an operator that repeats': {
      bytes: changed(plain, (_model, graph) => {
        graph.initializer.push(int64s('shape', [2n ** 20n, BigInt(form.labels.length)]));
        graph.node.push(node('Expand', [['fused', 'shape'], ['large']]));
      }),
      problem: /"Expand", which no head is made of/,
    },
    'a value that grows by broadcasting': {
      bytes: changed(plain, (_model, graph) => {
        graph.initializer.push(
          int64s('column', [-1n, 1n]),
          float32s('row', new Float32Array(2000), [1n, 2000n]),
        );
        graph.node.push(node('Reshape', [[form.encoders[0].modality, 'column'], ['features']]));
        graph.node.push(node('Mul', [['features', 'row'], ['large']]));
      }),
      problem: /computes more than 1048576 numbers for a row/,
    },
    'a product that grows': {
      bytes: headOf(form, (x, labels) => {
        const [, dimension] = x.shape;
        let grown: Value = gemm(x, constant(new Float32Array(dimension * 2000), [dimension, 2000]));
        // One matrix for all: the file stays small, and so could an attacker's.
        const square = constant(new Float32Array(2000 * 2000), [2000, 2000]);
        for (let times = 0; times < 70; times++) grown = gemm(grown, square);
        return gemm(grown, constant(new Float32Array(2000 * labels), [2000, labels]));
      }),
      problem: /multiplications for a row/,
    },
    'too many nodes': {
      bytes: headOf(form, (x, labels) => {
        let answer = logitsOf(x, labels);
        for (let times = 0; times < 300; times++) answer = add(answer, logitsOf(x, labels));
        return answer;
      }),
      problem: /more than 256 nodes/,
    },
    'a fixed number of rows': {
      bytes: changed(plain, (_model, graph) => {
        const { value } = graph.input[0].type!.value as { value: { shape: { dim: { value: unknown }[] } } };
        value.shape.dim[0].value = { case: 'dimValue', value: 1n };
      }),
      problem: /exactly 1 rows/,
    },
    'an answer for one row alone': {
      bytes: changed(plain, (_model, graph) => {
        const inner = behind(graph, 'fused');
        graph.initializer.push(int64s('shape', [1n, BigInt(form.labels.length)]));
        graph.node.push(node('Reshape', [[inner, 'shape'], ['fused']]));
      }),
      problem: /node \d+ \(Reshape\)/,
    },
    'an output too many': {
      bytes: changed(plain, (_model, graph) => void graph.output.push(valueInfoOf('fused.inner', float32))),
      problem: /has the outputs/,
    },
    'bytes behind the model': {
      bytes: Buffer.concat([plain, Buffer.from([0xf8, 0x7f, 0x01])]),
      problem: /unknown fields|not written as/,
    },
    'no model at all': { bytes: Buffer.alloc(100, 0xff), problem: /not an ONNX model/ },
  };
}

/** Heads whose graph is a head's, and whose answers are none: only a trial finds them out. */
export function badAnswers(form: HeadForm): Record<string, { bytes: Uint8Array; problem: RegExp }> {
  return {
    'no number for some features': {
      bytes: headOf(form, (x, labels) => log(logitsOf(x, labels))),
      problem: /not a finite number/,
    },
    'numbers that overflow': {
      bytes: headOf(form, (x, labels) => multiply(scale(logitsOf(x, labels), 3e38), logitsOf(x, labels))),
      problem: /not a finite number/,
    },
    'answers that depend on other rows': {
      bytes: changed(
        headOf(form, (x, labels) => softmax(logitsOf(x, labels))),
        (_model, graph) => {
          for (const { opType, attribute } of graph.node) if (opType === 'Softmax') attribute[0].i = 0n;
        },
      ),
      problem: /depends on the other rows/,
    },
  };
}
