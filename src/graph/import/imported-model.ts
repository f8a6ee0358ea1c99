import { itemAt, required, valueFor } from '../../indexing.ts';
import type { Engine } from '../../runtime/engine.ts';
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from '../onnx/onnx_pb.js';
import { elementCount } from '../shape.ts';
import { type Constant, dynamic, type Shape, type Value } from '../value.ts';
import { attributesOf, type Call } from './call.ts';
import { elementTypeOf } from './element-types.ts';
import { geluOf } from './gelu-pattern.ts';
import { operatorSetOf } from './model-parts.ts';
import { constantOf } from './read-model.ts';
import { mayHoldBatch, rebuild } from './rebuild.ts';
import { type GivenInput, type TrialRun, trialRun } from './trial-run.ts';

/** A weight of a model, and the node that reads it. */
export interface Weight {
  /** Its own; equal weights that the model keeps once have one each. */
  name: string;
  shape: Shape;
  /** What the model has for it. */
  initial: Float32Array;
  node: NodeProto;
}

/**
 * A model that is read into the graph, for one shape of its inputs and any size of the batch, their first axis: what is
 * computed from shapes alone is folded, operators that stand for several are unfolded, half precision is widened.
 * @example
 * const imported = await ImportedModel.open(engine, tail, { h: { type: 'float32', shape: [dynamic, 64, 384] } });
 * const { features } = imported.build({ h: input('h', [16, 64, 384]) });
 */
export class ImportedModel {
  readonly #graph: GraphProto;
  readonly #run: TrialRun;
  readonly #operatorSet: number;

  private constructor(model: ModelProto, run: TrialRun) {
    this.#graph = required(model.graph, 'the graph of the model');
    this.#run = run;
    this.#operatorSet = operatorSetOf(model);
  }

  /**
   * @param engine runs the model twice, on a few rows
   * @throws Error where ONNX Runtime refuses the model, or more than first axes grow with the batch
   */
  static async open(
    engine: Engine,
    model: ModelProto,
    inputs: Readonly<Record<string, GivenInput>>,
  ): Promise<ImportedModel> {
    return new ImportedModel(model, await trialRun(engine, model, inputs));
  }

  /**
   * The model's outputs, computed from values.
   * @param inputs by the model's names; the first axis of each is the batch
   * @param learn what takes the place of a weight; the weight itself where it is undefined
   * @throws Error that names a node that has no counterpart in the graph
   */
  build(
    inputs: Readonly<Record<string, Value>>,
    learn: (weight: Weight) => Value | undefined = () => undefined,
  ): Readonly<Record<string, Value>> {
    const [first] = Object.values(inputs);
    const batch = itemAt(required(first, 'an input').shape, 0);
    const reader = new Reader(this.#graph, this.#run, { inputs, learn, batch });
    for (const node of this.#graph.node)
      if (node.output.some((name) => this.#run.shapes.has(name))) reader.read(node, this.#operatorSet);
    return Object.fromEntries(this.#graph.output.map(({ name }) => [name, reader.valueOf(name)]));
  }
}

interface ReaderOptions {
  inputs: Readonly<Record<string, Value>>;
  learn(weight: Weight): Value | undefined;
  /** The size of the batch. */
  batch: number;
}

class Reader {
  readonly #run: TrialRun;
  readonly #options: ReaderOptions;
  readonly #values: Map<string, Value>;
  readonly #constants = new Map<string, Constant>();
  readonly #initializers: ReadonlyMap<string, TensorProto>;
  readonly #makers: ReadonlyMap<string, NodeProto>;
  readonly #learnt = new Map<string, Value | undefined>();

  constructor(graph: GraphProto, run: TrialRun, options: ReaderOptions) {
    this.#run = run;
    this.#options = options;
    this.#values = new Map(Object.entries(options.inputs));
    this.#initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
    this.#makers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node])));
  }

  /** What a name stands for outside of any node. */
  valueOf(name: string): Value {
    return this.#values.get(name) ?? this.#constant(name);
  }

  read(node: NodeProto, operatorSet: number): void {
    try {
      const call: Call = {
        node,
        operatorSet,
        inputs: node.input.map((name, index) => (name === '' ? undefined : this.#inputOf(node, index))),
        outputs: node.output.map((name) => ({
          type: elementTypeOf(valueFor(this.#run.types, name || itemAt(node.output, 0))),
          shape: this.#shapeOf(name || itemAt(node.output, 0)),
        })),
        attributes: attributesOf(node),
      };
      const values = rebuild(call);
      for (const [index, name] of node.output.entries()) {
        const value = itemAt(values, index);
        this.#values.set(name, geluOf(value) ?? value);
      }
    } catch (error) {
      throw new Error(
        `the node ${node.name || node.output[0]} (${node.opType}): ${(error as Error).message}`,
        {
          cause: error,
        },
      );
    }
  }

  #inputOf(node: NodeProto, index: number): Value {
    const name = itemAt(node.input, index);
    if (this.#run.varying.has(name) && !mayHoldBatch(node.opType, index))
      throw new Error(`its input ${name} is computed from the size of the batch`);
    const known = this.#values.get(name);
    if (known) return known;
    const value = this.#constant(name);
    const isLearnt = value.type === 'float32' && !isTable(node, value) && this.#weightBehind(name);
    return (isLearnt && this.#learn(node, name, value)) || value;
  }

  /**
   * What takes the place of a weight. Exporters keep equal weights once, as the ones and zeros that normalizations begin
   * with: those are told apart by the node that reads them. A weight whose elements differ is shared by intent.
   */
  #learn(node: NodeProto, name: string, { data, shape }: Constant): Value | undefined {
    const isUniform = data.every((element) => element === data[0]);
    const own = isUniform ? `${name}@${node.name || node.output[0]}` : name;
    if (!this.#learnt.has(own)) {
      const initial = data instanceof Float32Array ? data : Float32Array.from(data, Number);
      this.#learnt.set(own, this.#options.learn({ name: own, shape, initial, node }));
    }
    return this.#learnt.get(own);
  }

  #shapeOf(name: string): Shape {
    return valueFor(this.#run.shapes, name).map((size) => (size === dynamic ? this.#options.batch : size));
  }

  /** The initializer that a constant is made of, as it is or in another form; undefined where it is none's. */
  #weightBehind(name: string): TensorProto | undefined {
    const initializer = this.#initializers.get(name);
    if (initializer) return isWeight(initializer) ? initializer : undefined;
    const maker = this.#makers.get(name);
    if (!maker || !reformed.has(maker.opType)) return undefined;
    return this.#weightBehind(itemAt(maker.input, 0));
  }

  #constant(name: string): Constant {
    const known = this.#constants.get(name);
    if (known) return known;
    const initializer = this.#initializers.get(name);
    const value = initializer ? constantOf(initializer) : this.#folded(name);
    this.#constants.set(name, value);
    return value;
  }

  #folded(name: string): Constant {
    const { type, dims, data } = valueFor(this.#run.constants, name);
    return { kind: 'constant', type, shape: dims, data };
  }
}

/** What keeps the elements of a weight. */
const reformed = new Set(['Cast', 'Identity', 'Transpose', 'Reshape', 'Squeeze', 'Unsqueeze']);

/** What multiplies element by element along several axes: cosines and sines of rotary positions, which are no weights. */
function isTable({ opType }: NodeProto, { shape }: Constant): boolean {
  return opType === 'Mul' && shape.filter((size) => size > 1).length > 1;
}

/** Numbers of which there are several; those alone are factors and bounds. */
function isWeight({ dataType, dims }: TensorProto): boolean {
  const floats: readonly number[] = [DataType.FLOAT, DataType.FLOAT16, DataType.BFLOAT16, DataType.DOUBLE];
  return floats.includes(dataType) && elementCount(dims.map(Number)) > 1;
}
