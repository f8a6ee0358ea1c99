/** A run, or a model to load, found no memory on the device or the machine. The engine goes on: less may succeed. */
export class OutOfMemory extends Error {
  override readonly name = 'OutOfMemory';
}

/**
 * How it reads. ONNX Runtime gives neither a code nor a class of its own for it, and every allocator its own words:
 * the arena of either provider (bfc_arena.cc), and CUDA, cuBLAS and cuDNN (cuda_call.cc).
 */
const signs = [
  /Failed to allocate memory for requested buffer/,
  /Available memory of \d+ is smaller than requested bytes/,
  /CUDA failure 2: out of memory/,
  /cudaErrorMemoryAllocation/,
  /CUBLAS_STATUS_ALLOC_FAILED/,
  /CUDNN_STATUS_(ALLOC_FAILED|INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED)/,
  /std::bad_alloc/,
];

/**
 * An error of ONNX Runtime by its message.
 * @returns an OutOfMemory where that is what it says
 * @example runtimeError("… Failed to allocate memory for requested buffer of size 939524096") // OutOfMemory
 */
export function runtimeError(message: string): Error {
  return signs.some((sign) => sign.test(message)) ? new OutOfMemory(message) : new Error(message);
}
