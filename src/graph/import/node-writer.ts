import { create } from '@bufbuild/protobuf';
import { attributeProto } from '../emit.ts';
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  type NodeProto,
  NodeProtoSchema,
  TensorProtoSchema,
} from '../onnx/onnx_pb.js';
import type { Attribute } from '../value.ts';

type Attributes = Readonly<Record<string, Attribute>>;

/** Writes nodes and constants into a graph, under names that nothing else has. */
export class NodeWriter {
  readonly nodes: NodeProto[] = [];
  readonly #graph: GraphProto;
  #of = '';
  #count = 0;

  constructor(graph: GraphProto) {
    this.#graph = graph;
  }

  /** What is written from here on is named after this. */
  beginAt(name: string): void {
    [this.#of, this.#count] = [name, 0];
  }

  /** @returns the name of its output */
  node(
    opType: string,
    input: readonly string[],
    { output = this.#name(), ...attributes }: Attributes & { output?: string } = {},
  ): string {
    this.#push(opType, input, [output], attributes);
    return output;
  }

  /** @returns the names of its three outputs */
  nodes3(opType: string, input: readonly string[], attributes: Attributes): [string, string, string] {
    const outputs: [string, string, string] = [this.#name(), this.#name(), this.#name()];
    this.#push(opType, input, outputs, attributes);
    return outputs;
  }

  float(value: number): string {
    return this.#constant(DataType.FLOAT, [], new Uint8Array(Float32Array.of(value).buffer));
  }

  integers(values: readonly number[]): string {
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.#constant(DataType.INT64, [BigInt(values.length)], bytes);
  }

  #constant(dataType: DataType, dims: bigint[], rawData: Uint8Array): string {
    const name = this.#name();
    this.#graph.initializer.push(create(TensorProtoSchema, { name, dataType, dims, rawData }));
    return name;
  }

  #push(opType: string, input: readonly string[], output: readonly string[], attributes: Attributes): void {
    const attribute = Object.entries(attributes).map(([name, value]) => attributeProto(name, value));
    const [name = ''] = output;
    this.nodes.push(
      create(NodeProtoSchema, { opType, name, input: [...input], output: [...output], attribute }),
    );
  }

  #name(): string {
    this.#count += 1;
    return `${this.#of}/plain.${this.#count}`;
  }
}
