/** The output of head.onnx that holds the fused logits. */
export const fusedOutput = 'fused';
/** The output that holds a modality's own logits. */
export const unimodalOutput = (modality: string) => `unimodal.${modality}`;
/** The output that holds what the blocks of an encoder that are the head's own make of a modality. */
export const embeddingOutput = (modality: string) => `embedding.${modality}`;
/** The input that holds the features of a modality that stand beside its encoder's. */
export const companionInput = (modality: string) => `${modality}.companion`;
