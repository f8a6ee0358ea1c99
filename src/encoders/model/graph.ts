import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { fedInputs, graphsIn, operatorSetOf } from '../../graph/import/model-parts.ts';
import {
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../../graph/onnx/onnx_pb.js';
import { unusable } from './unusable.ts';

/** What a graph takes or gives under a name. */
export interface GraphValue {
  name: string;
  /** As ONNX numbers them. */
  type: DataType;
  /** Undefined where it depends on the input. */
  dims: readonly (number | undefined)[];
}

/** An attribute of a node: integers. */
export type IntegerAttributes = Readonly<Record<string, number | readonly number[]>>;

/**
 * The graph of an imported model, to which nodes are added in front of its own and behind them, so that it takes and gives
 * what encoders do. Names of what is added begin with `tandem.`.
 * @example
 * const graph = new ModelGraph(model);
 * const pooled = graph.add('Gather', ['last_hidden_state', graph.integers([0], [])], { axis: 1 });
 * graph.finish(pooled, 384);
 */
export class ModelGraph {
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  /** Of ONNX's own operators. */
  readonly operatorSet: number;
  readonly #model: ModelProto;
  readonly #front: NodeProto[] = [];
  readonly #back: NodeProto[] = [];
  readonly #initializers: TensorProto[] = [];
  readonly #newInputs: ValueInfoProto[] = [];
  readonly #replaced = new Set<string>();
  #count = 0;

  constructor(model: ModelProto) {
    this.#model = model;
    const { graph } = model;
    this.#count = countAdded(model);
    this.inputs = (graph ? fedInputs(graph) : []).map(describeValue);
    this.outputs = (graph?.output ?? []).map(describeValue);
    this.operatorSet = operatorSetOf(model);
    if (this.operatorSet < 9)
      throw unusable(`the ONNX file has operator set ${this.operatorSet}; 9 is the oldest that is read`);
  }

  /** The names of files, beside the model's, that hold weights. */
  get externalFiles(): string[] {
    const locations = (this.#model.graph?.initializer ?? []).flatMap(({ externalData }) =>
      externalData.filter(({ key }) => key === 'location').map(({ value }) => value),
    );
    return [...new Set(locations)];
  }

  input(name: string): GraphValue | undefined {
    return this.inputs.find((value) => value.name === name);
  }

  output(name: string): GraphValue | undefined {
    return this.outputs.find((value) => value.name === name);
  }

  /** Takes this input in place of one of the model's, or beside them. @param dims undefined where any size will do */
  take(name: string, type: DataType, dims: readonly (number | undefined)[]): string {
    this.#replaced.add(name);
    this.#newInputs.push(valueInfo(name, type, dims));
    return name;
  }

  /** Adds a node in front of the model's own. @param output an input of the model that is computed from now on */
  addInFront(
    operator: string,
    inputs: readonly string[],
    attributes: IntegerAttributes = {},
    output?: string,
  ): string {
    if (output !== undefined) this.#replaced.add(output);
    return this.#add(this.#front, operator, inputs, attributes, output);
  }

  /** Adds a node behind the model's own. @returns the name of its output */
  add(
    operator: string,
    inputs: readonly string[],
    attributes: IntegerAttributes = {},
    output?: string,
  ): string {
    return this.#add(this.#back, operator, inputs, attributes, output);
  }

  /** A constant of integers; of one number where `dims` is empty. */
  integers(values: readonly number[], dims: readonly number[] = [values.length]): string {
    return this.#constant({
      dataType: DataType.INT64,
      dims: dims.map(BigInt),
      int64Data: values.map(BigInt),
    });
  }

  floats(values: readonly number[], dims: readonly number[] = [values.length]): string {
    return this.#constant({ dataType: DataType.FLOAT, dims: dims.map(BigInt), floatData: [...values] });
  }

  /** The same values as float32. */
  asFloats({ name, type }: GraphValue): string {
    return type === DataType.FLOAT ? name : this.add('Cast', [name], { to: DataType.FLOAT });
  }

  /** The sum over an axis, which is kept: an attribute until operator set 13, an input from then on. */
  sumOver(value: string, axis: number): string {
    return this.operatorSet < 13
      ? this.add('ReduceSum', [value], { axes: [axis], keepdims: 1 })
      : this.add('ReduceSum', [value, this.integers([axis])], { keepdims: 1 });
  }

  /**
   * The whole model, whose one output is `features`, float32 [rows, dimension].
   * @param features what it is computed as
   */
  finish(features: string, dimension: number): Uint8Array {
    const { graph } = this.#model;
    if (!graph) throw unusable('the ONNX file has no graph');
    graph.node.unshift(...this.#front);
    graph.node.push(...this.#back);
    // The model's own value of that name makes room.
    const own = 'tandem.own_features';
    renameValue(graph, 'features', own);
    const identity = { opType: 'Identity', name: 'tandem.Identity.features', output: ['features'] };
    graph.node.push(
      create(NodeProtoSchema, { ...identity, input: [features === 'features' ? own : features] }),
    );
    graph.initializer.push(...this.#initializers);
    graph.input = [...graph.input.filter(({ name }) => !this.#replaced.has(name)), ...this.#newInputs];
    graph.output = [valueInfo('features', DataType.FLOAT, [undefined, dimension])];
    return toBinary(ModelProtoSchema, this.#model);
  }

  #add(
    nodes: NodeProto[],
    opType: string,
    input: readonly string[],
    attributes: IntegerAttributes,
    output = `tandem.${this.#count++}`,
  ): string {
    const attribute = Object.entries(attributes).map(([name, value]) =>
      typeof value === 'number'
        ? { name, type: AttributeType.INT, i: BigInt(value) }
        : { name, type: AttributeType.INTS, ints: value.map(BigInt) },
    );
    nodes.push(
      create(NodeProtoSchema, {
        opType,
        name: `tandem.${opType}.${output}`,
        input: [...input],
        output: [output],
        attribute,
      }),
    );
    return output;
  }

  #constant(tensor: MessageInitShape<typeof TensorProtoSchema>): string {
    const name = `tandem.${this.#count++}`;
    this.#initializers.push(create(TensorProtoSchema, { ...tensor, name }));
    return name;
  }
}

/** How many names were given to what was added to a model before. */
function countAdded({ graph }: ModelProto): number {
  const names = [
    ...(graph?.initializer ?? []).map(({ name }) => name),
    ...(graph?.node ?? []).flatMap(({ output }) => output),
  ];
  const numbers = names.map((name) => Number(/^tandem\.(\d+)$/.exec(name)?.[1] ?? -1));
  return numbers.reduce((most, number) => Math.max(most, number + 1), 0);
}

/** Gives a value of a graph another name, in the graphs inside its nodes as well. */
function renameValue(graph: GraphProto, from: string, to: string): void {
  const renamed = (name: string) => (name === from ? to : name);
  for (const node of graph.node) {
    node.input = node.input.map(renamed);
    node.output = node.output.map(renamed);
    for (const inner of graphsIn(node)) renameValue(inner, from, to);
  }
  for (const value of [...graph.initializer, ...graph.input, ...graph.output, ...graph.valueInfo])
    value.name = renamed(value.name);
}

function describeValue({ name, type }: ValueInfoProto): GraphValue {
  const tensor = type?.value.case === 'tensorType' ? type.value.value : undefined;
  const dims = (tensor?.shape?.dim ?? []).map(({ value }) =>
    value.case === 'dimValue' && value.value > 0n ? Number(value.value) : undefined,
  );
  return { name, type: tensor?.elemType ?? DataType.UNDEFINED, dims };
}

function valueInfo(name: string, elemType: DataType, dims: readonly (number | undefined)[]): ValueInfoProto {
  const dim = dims.map((size, axis) => ({
    value:
      size === undefined
        ? ({ case: 'dimParam', value: `${name}_${axis}` } as const)
        : ({ case: 'dimValue', value: BigInt(size) } as const),
  }));
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } },
  });
}
