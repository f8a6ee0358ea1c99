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
import { type Constant, type Input, input, type Value } from '../value.ts';
import { attributesOf, type Call } from './call.ts';
import { elementTypeOf } from './element-types.ts';
import { geluOf } from './gelu-pattern.ts';
import { isShapeOnly, rebuild } from './rebuild.ts';
import { type TrialRun, trialRun } from './trial-run.ts';
import { constantOf } from './weights.ts';

/** A weight of a model that is to learn: an input of the graph instead of a constant. */
export interface LearntWeight {
  readonly parameter: Input;
  /** What the model has for it. */
  readonly initial: Float32Array;
}

export interface ImportOptions {
  /** What the model's inputs are, by name: values of the graph whose first axis is the batch. */
  inputs: Readonly<Record<string, Value>>;
  /** The names that parameters get begin with it. */
  prefix: string;
  /** Whether a weight is to learn; none does by default. @param node that reads it */
  learns?(node: NodeProto): boolean;
}

/** A model as a part of the graph. */
export interface ImportedGraph {
  outputs: Readonly<Record<string, Value>>;
  weights: readonly LearntWeight[];
}

/**
 * Reads a model into the graph, for the shapes that its inputs have: what is computed from shapes alone is folded, operators
 * that stand for several are unfolded, half precision is widened. Of the inputs the first axis, and it alone, may be
 * `dynamic`.
 * @param engine runs the model twice, on a few rows
 * @throws Error that names a node that has no counterpart in the graph
 * @example
 * const h = input('h', [16, 64, 384]);
 * const { outputs, weights } = await importGraph(engine, tail, { inputs: { h, mask }, prefix: 'tail', learns: () => true });
 */
export async function importGraph(
  engine: Engine,
  model: ModelProto,
  { inputs, prefix, learns = () => false }: ImportOptions,
): Promise<ImportedGraph> {
  const graph = required(model.graph, 'the graph of the model');
  const [first] = Object.values(inputs);
  const run = await trialRun(engine, model, inputs, required(first, 'an input').shape[0] ?? 1);
  const reader = new Reader(graph, run, { inputs, prefix, learns });
  const operatorSet = Number(
    model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 0,
  );
  for (const node of graph.node)
    if (node.output.some((name) => run.shapes.has(name))) reader.read(node, operatorSet);
  return {
    outputs: Object.fromEntries(graph.output.map(({ name }) => [name, reader.valueOf(name)])),
    weights: reader.weights,
  };
}

class Reader {
  readonly weights: LearntWeight[] = [];
  readonly #run: TrialRun;
  readonly #options: Required<ImportOptions>;
  readonly #values: Map<string, Value>;
  readonly #initializers: ReadonlyMap<string, TensorProto>;
  readonly #makers: ReadonlyMap<string, NodeProto>;
  readonly #parameters = new Map<string, Input>();

  constructor(graph: GraphProto, run: TrialRun, options: Required<ImportOptions>) {
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
          shape: valueFor(this.#run.shapes, name || itemAt(node.output, 0)),
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
    if (this.#run.varying.has(name) && !isShapeOnly(node.opType, index))
      throw new Error(`its input ${name} is computed from the size of the batch`);
    const known = this.#values.get(name);
    if (known) return known;
    const weight = this.#weightBehind(name);
    const value = this.#constant(name);
    if (weight === undefined || value.type !== 'float32' || !this.#options.learns(node)) return value;
    return this.#parameter(node, name, value);
  }

  /**
   * The parameter for a weight. Exporters keep equal weights once, as the ones and zeros that normalizations begin with:
   * those are told apart by the node that reads them. A weight whose elements differ is shared by intent.
   */
  #parameter(node: NodeProto, name: string, { data, shape }: Constant): Input {
    const isUniform = data.every((element) => element === data[0]);
    const label = isUniform ? `${name}@${node.name || node.output[0]}` : name;
    const parameter = this.#parameters.get(label) ?? input(`${this.#options.prefix}.${label}`, shape);
    if (!this.#parameters.has(label)) {
      this.#parameters.set(label, parameter);
      this.weights.push({ parameter, initial: Float32Array.from(data, Number) });
    }
    return parameter;
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
    const known = this.#values.get(name);
    if (known?.kind === 'constant') return known;
    const initializer = this.#initializers.get(name);
    const value = initializer ? constantOf(initializer) : this.#folded(name);
    this.#values.set(name, value);
    return value;
  }

  #folded(name: string): Constant {
    const { type, dims, data } = valueFor(this.#run.constants, name);
    return { kind: 'constant', type, shape: dims, data };
  }
}

/** What keeps the elements of a weight. */
const reformed = new Set(['Cast', 'Identity', 'Transpose', 'Reshape', 'Squeeze', 'Unsqueeze']);

/** Numbers of which there are several; those alone are factors and bounds. */
function isWeight({ dataType, dims }: TensorProto): boolean {
  const floats: readonly number[] = [DataType.FLOAT, DataType.FLOAT16, DataType.BFLOAT16, DataType.DOUBLE];
  return floats.includes(dataType) && elementCount(dims.map(Number)) > 1;
}
