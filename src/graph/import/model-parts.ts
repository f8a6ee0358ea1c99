import type { GraphProto, ModelProto, NodeProto, ValueInfoProto } from '../onnx/onnx_pb.js';

/** Whether a domain is that of ONNX's own operators, which has two names. */
export function isStandard(domain: string): boolean {
  return domain === '' || domain === 'ai.onnx';
}

/** The set of ONNX's own operators that a model uses; 0 where it names none. */
export function operatorSetOf({ opsetImport }: Pick<ModelProto, 'opsetImport'>): number {
  return Number(opsetImport.find(({ domain }) => isStandard(domain))?.version ?? 0);
}

/** The graphs inside a node, as branches and loops have them. */
export function graphsIn({ attribute }: Pick<NodeProto, 'attribute'>): GraphProto[] {
  return attribute.flatMap(({ g, graphs }) => (g ? [g, ...graphs] : graphs));
}

/** What a graph is fed with: older models list weights among the inputs. */
export function fedInputs({
  input,
  initializer,
}: Pick<GraphProto, 'input' | 'initializer'>): ValueInfoProto[] {
  const weights = new Set(initializer.map(({ name }) => name));
  return input.filter(({ name }) => !weights.has(name));
}
