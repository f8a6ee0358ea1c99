import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emitFunction } from '../../../src/graph/emit.ts';
import { exp } from '../../../src/graph/operations/elementwise.ts';
import { input } from '../../../src/graph/value.ts';
import type { Engine } from '../../../src/runtime/engine.ts';
import { chooseProvider, describeCudaFailure } from '../../../src/runtime/provider.ts';
import { float32 } from '../../../src/runtime/tensor.ts';

let folder: string;
let model: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'provider-'));
  model = path.join(folder, 'model.onnx');
  const x = input('x', [1]);
  await writeFile(model, emitFunction([x], { y: exp(x) }));
});
afterAll(() => rm(folder, { recursive: true }));

const compute = async (engine: Engine) => {
  const session = await engine.load(model);
  await session.run({ x: float32([1], [0]) });
};

it('takes the CPU where it is asked for', async () => {
  expect(await chooseProvider('cpu', compute)).toEqual({ provider: 'cpu', reason: 'asked for' });
});

it('says why it took what it took when the choice is its own', async () => {
  const { provider, reason } = await chooseProvider('auto', compute);
  expect(['cpu', 'cuda']).toContain(provider);
  expect(reason).toMatch(/CUDA/);
});

it('never falls back from CUDA that was asked for', async () => {
  const { provider } = await chooseProvider('auto', compute);
  if (provider === 'cuda') expect((await chooseProvider('cuda', compute)).provider).toBe('cuda');
  else await expect(chooseProvider('cuda', compute)).rejects.toThrow(/CUDA/);
});

describe('why CUDA does not work', () => {
  const notLoaded = 'OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library';

  it('is that it is not there, or what the system says of its library', async () => {
    const library = path.join(folder, 'libonnxruntime_providers_cuda.so');
    expect(describeCudaFailure(notLoaded, library)).toMatch(/not installed/);
    await writeFile(library, 'no library');
    expect(describeCudaFailure(notLoaded, library)).toMatch(
      /CUDA does not load: .*libonnxruntime_providers_cuda/,
    );
  });

  it('is what CUDA itself says', () => {
    // As version 1.30.0 throws it where there is no driver.
    const message =
      '/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_call.cc:154 std::conditional_t<THRW, void, onnxruntime::common::Status> onnxruntime::CudaCall(ERRTYPE, const char*) [with ERRTYPE = cudaError; bool THRW = true] CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version ; GPU=-1 ; hostname=vm ; file=cuda_execution_provider.cc ; line=352 ; expr=cudaSetDevice(info_.device_id); \n\n';
    expect(describeCudaFailure(message)).toBe(
      'CUDA does not work: CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version',
    );
  });
});
