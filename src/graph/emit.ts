import { create, toBinary } from '@bufbuild/protobuf';
import { itemAt } from '../indexing.ts';
import { product } from '../product.ts';
import { sortedNodes } from './differentiate.ts';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './onnx/onnx_pb.js';
import {
  type Attribute,
  type Constant,
  dynamic,
  elementTypeCodes,
  type Input,
  type LoopStep,
  type Node,
  type Value,
} from './value.ts';

/** Gelu and LayerNormalization as single operators came with 20 and 17. */
const operatorSet = 20n;
const intermediateRepresentation = 9n;

/**
 * Writes a function as an ONNX model: what the outputs rest on, each distinct computation once.
 * @param outputs by the names that the model gives them
 * @returns the bytes of an .onnx file
 * @example emitFunction([x], { y: relu(x) })
 */
export function emitFunction(inputs: readonly Input[], outputs: Readonly<Record<string, Value>>): Uint8Array {
  const writer = new GraphWriter();
  const named = Object.entries(outputs);
  writer.write(named);
  return writeModel(
    create(GraphProtoSchema, {
      name: 'function',
      node: writer.nodes,
      initializer: writer.initializers(),
      input: inputs.map((value) => valueInfo(value.name, value)),
      output: named.map(([name, value]) => valueInfo(name, value)),
    }),
  );
}

/**
 * The name under which a loop takes its state and its per-step inputs: not the step's own, because ONNX forbids a
 * subgraph to use a name again that is known outside it.
 */
export const loopInputName = (name: string) => `${name}.in`;

/** The name under which a loop returns its state. */
export const loopOutputName = (name: string) => `${name}.out`;

/**
 * Writes a loop as an ONNX model whose one node is a `Scan`: a run of the model is as many steps as the per-step
 * inputs have rows, without a return to the caller in between.
 */
export function emitLoop({ state, perStep, shared, reports }: LoopStep): Uint8Array {
  const writer = new GraphWriter();
  const outputs: NamedValue[] = [
    ...state.map(({ current, next }): NamedValue => [loopOutputName(current.name), next]),
    ...Object.entries(reports),
  ];
  const bodyOutputs = outputs.map(([name, value]): NamedValue => [`step.${name}`, value]);
  writer.write(bodyOutputs);
  const body = create(GraphProtoSchema, {
    name: 'step',
    node: writer.nodes,
    input: [...state.map(({ current }) => current), ...perStep].map((value) => valueInfo(value.name, value)),
    output: bodyOutputs.map(([name, value]) => valueInfo(name, value)),
  });
  const steps = (value: Value) => ({ type: value.type, shape: [dynamic, ...value.shape] });
  const loop = scanNode('loop', {
    inputs: [
      ...state.map(({ current }) => loopInputName(current.name)),
      ...perStep.map((value) => loopInputName(value.name)),
    ],
    outputs: outputs.map(([name]) => name),
    perStep: perStep.length,
    body,
  });
  return writeModel(
    create(GraphProtoSchema, {
      name: 'loop',
      node: [loop],
      initializer: writer.initializers(),
      input: [
        ...state.map(({ current }) => valueInfo(loopInputName(current.name), current)),
        ...perStep.map((value) => valueInfo(loopInputName(value.name), steps(value))),
        ...shared.map((value) => valueInfo(value.name, value)),
      ],
      output: [
        ...state.map(({ current }) => valueInfo(loopOutputName(current.name), current)),
        ...Object.entries(reports).map(([name, value]) => valueInfo(name, steps(value))),
      ],
    }),
  );
}

function scanNode(
  name: string,
  {
    inputs,
    outputs,
    perStep,
    body,
  }: { inputs: readonly string[]; outputs: readonly string[]; perStep: number; body: GraphProto },
): NodeProto {
  return create(NodeProtoSchema, {
    ...{ opType: 'Scan', name, input: [...inputs], output: [...outputs] },
    attribute: [
      create(AttributeProtoSchema, { name: 'body', type: AttributeType.GRAPH, g: body }),
      attributeProto('num_scan_inputs', perStep),
    ],
  });
}

/** Gives values other names, in the bodies of loops as well. */
function rename(nodes: readonly NodeProto[], names: ReadonlyMap<string, string>): void {
  for (const node of nodes) {
    node.input = node.input.map((name) => names.get(name) ?? name);
    node.output = node.output.map((name) => names.get(name) ?? name);
    for (const { g } of node.attribute) if (g) rename(g.node, names);
  }
}

type NamedValue = readonly [name: string, value: Value];

type Constants = Map<string, { name: string; value: Constant }>;

/** Writes nodes in order, equal ones once, and leaves out those that are the identity. */
class GraphWriter {
  readonly nodes: NodeProto[] = [];
  readonly #names = new Map<Value, string>();
  readonly #written = new Map<string, readonly string[]>();
  readonly #constants: Constants;
  readonly #prefix: string;

  /** @param prefix of the names in a loop's body: no name of it may be another's outside */
  constructor(prefix = '', constants: Constants = new Map()) {
    this.#prefix = prefix;
    this.#constants = constants;
  }

  write(outputs: readonly NamedValue[]): void {
    for (const node of sortedNodes(outputs.map(([, value]) => value))) this.#writeNode(node);
    const produced = new Set(this.nodes.flatMap((node) => node.output));
    const renamed = new Map<string, string>();
    for (const [outputName, value] of outputs) {
      const name = this.#nameOf(value);
      if (produced.has(name) && !renamed.has(name)) renamed.set(name, outputName);
      else
        this.nodes.push(
          create(NodeProtoSchema, {
            opType: 'Identity',
            name: outputName,
            input: [name],
            output: [outputName],
          }),
        );
    }
    rename(this.nodes, renamed);
  }

  initializers() {
    return [...this.#constants.values()].map(({ name, value }) =>
      create(TensorProtoSchema, {
        name,
        dataType: elementTypeCodes[value.type],
        dims: value.shape.map(BigInt),
        rawData: new Uint8Array(value.data.buffer, value.data.byteOffset, value.data.byteLength),
      }),
    );
  }

  #writeNode(node: Node): void {
    const inputs = node.inputs.map((value) => this.#nameOf(value));
    if (node.operator === '') {
      this.#names.set(itemAt(node.outputs, 0), itemAt(inputs, 0));
      return;
    }
    if (node.body) {
      this.#writeLoop(node, node.body, inputs);
      return;
    }
    const key = JSON.stringify([node.domain, node.operator, inputs, node.attributes]);
    let outputs = this.#written.get(key);
    if (!outputs) {
      const name = `${this.#prefix}${node.operator}.${this.nodes.length}`;
      outputs = node.outputs.map((_, index) => (index === 0 ? name : `${name}.${index}`));
      this.#written.set(key, outputs);
      this.nodes.push(
        create(NodeProtoSchema, {
          opType: node.operator,
          domain: node.domain,
          name,
          input: inputs,
          output: [...outputs],
          attribute: Object.entries(node.attributes).map(([attribute, value]) =>
            attributeProto(attribute, value),
          ),
        }),
      );
    }
    const names = outputs;
    for (const [index, output] of node.outputs.entries()) this.#names.set(output, itemAt(names, index));
  }

  /** What is the same in every iteration is not an input of the node: its body finds it by its name. */
  #writeLoop(node: Node, { state, perStep, shared, reports }: LoopStep, inputs: readonly string[]): void {
    const name = `${this.#prefix}loop.${this.nodes.length}`;
    const body = new GraphWriter(`${name}/`, this.#constants);
    const taken = [...state.map(({ current }) => current), ...perStep];
    for (const value of taken) body.#names.set(value, `${name}/${value.name}`);
    for (const [index, value] of shared.entries())
      body.#names.set(value, itemAt(inputs, taken.length + index));
    const given = [...state.map(({ next }) => next), ...Object.values(reports)].map(
      (value, index): NamedValue => [`${name}/out.${index}`, value],
    );
    body.write(given);
    const outputs = node.outputs.map((_, index) => `${name}.${index}`);
    this.nodes.push(
      scanNode(name, {
        inputs: inputs.slice(0, taken.length),
        outputs,
        perStep: perStep.length,
        body: create(GraphProtoSchema, {
          name,
          node: body.nodes,
          input: taken.map((value) => valueInfo(`${name}/${value.name}`, value)),
          output: given.map(([output, value]) => valueInfo(output, value)),
        }),
      }),
    );
    for (const [index, output] of node.outputs.entries()) this.#names.set(output, itemAt(outputs, index));
  }

  #nameOf(value: Value): string {
    if (value.kind === 'input') return this.#names.get(value) ?? value.name;
    if (value.kind === 'constant') return this.#nameOfConstant(value);
    const name = this.#names.get(value);
    if (name === undefined) throw new Error(`${value.node.operator} is used before it is written`);
    return name;
  }

  #nameOfConstant(value: Constant): string {
    const known = this.#names.get(value);
    if (known !== undefined) return known;
    const content = value.data.length <= 4096 ? value.data.join() : `unique ${this.#constants.size}`;
    const key = `${value.type} [${value.shape}] ${content}`;
    const entry = this.#constants.get(key) ?? { name: `constant.${this.#constants.size}`, value };
    this.#constants.set(key, entry);
    this.#names.set(value, entry.name);
    return entry.name;
  }
}

function valueInfo(name: string, { type, shape }: Pick<Value, 'type' | 'shape'>): ValueInfoProto {
  const dimension = shape.map((size) => ({
    value:
      size === dynamic
        ? { case: 'dimParam' as const, value: 'n' }
        : { case: 'dimValue' as const, value: BigInt(size) },
  }));
  return create(ValueInfoProtoSchema, {
    name,
    type: {
      value: { case: 'tensorType', value: { elemType: elementTypeCodes[type], shape: { dim: dimension } } },
    },
  });
}

/** An attribute of a node, of the kind that its value is. */
export function attributeProto(name: string, value: Attribute): AttributeProto {
  if (typeof value === 'number')
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
  if (typeof value === 'string')
    return create(AttributeProtoSchema, {
      name,
      type: AttributeType.STRING,
      s: new TextEncoder().encode(value),
    });
  if ('float' in value)
    return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float });
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) });
}

function writeModel(graph: GraphProto): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: intermediateRepresentation,
    producerName: product.name,
    producerVersion: product.version,
    opsetImport: [
      { domain: '', version: operatorSet },
      { domain: 'com.microsoft', version: 1n },
    ],
    graph,
  });
  return toBinary(ModelProtoSchema, model);
}
