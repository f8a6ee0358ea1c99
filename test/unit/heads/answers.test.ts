import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unimodalOutput } from '../../../src/arl/ports.ts';
import { classifierOf } from '../../../src/heads/head.ts';
import {
  answersAlone,
  answersOutput,
  emitAnswers,
  presenceInput,
} from '../../../src/heads/one-model/answers.ts';
import type { ModalityName } from '../../../src/modalities/registry.ts';
import { Engine } from '../../../src/runtime/engine.ts';
import { float32, rowsOf, type Tensors } from '../../../src/runtime/tensor.ts';
import type { TargetKind } from '../../../src/targets/target-kind.ts';

const modalities = ['image', 'text', 'table'] as const satisfies ModalityName[];
const labels = 4;
const tolerance = 2e-5;
/** Beyond it an answer is so certain that single precision keeps few digits of its entropy. */
const largestLogit = 6;

let folder: string;
let engine: Engine;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'answers-'));
  engine = Engine.start({ provider: 'cpu', threads: 1 });
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

const logits = fc.array(fc.float({ min: -largestLogit, max: largestLogit, noNaN: true }), {
  minLength: labels,
  maxLength: labels,
});
const item = fc.record({
  fused: logits,
  unimodal: fc.tuple(logits, logits, logits),
  has: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()).filter((has) => has.includes(true)),
});

describe('the answers of a head, written as a graph', () => {
  it.each(['single', 'multi', 'regression'] as TargetKind[])(
    'are those of the server: %s',
    async (target) => {
      const file = path.join(folder, `${target}.onnx`);
      await writeFile(file, emitAnswers(modalities, { target, labels }));
      const session = await engine.load(file);
      await fc.assert(
        fc.asyncProperty(fc.array(item, { minLength: 1, maxLength: 5 }), async (items) => {
          const given = (rows: number[][]) => float32([items.length, labels], rows.flat());
          const outputs = (): Tensors => ({
            fused: given(items.map(({ fused }) => fused)),
            ...Object.fromEntries(
              modalities.map((name, m) => [
                unimodalOutput(name),
                given(items.map(({ unimodal }) => unimodal[m])),
              ]),
            ),
          });
          const presence = modalities.map((name, m) => [
            presenceInput(name),
            {
              type: 'bool',
              dims: [items.length, 1],
              data: Uint8Array.from(items, ({ has }) => Number(has[m])),
            },
          ]);
          const answered = await session.run({ ...outputs(), ...Object.fromEntries(presence) });
          // What a head's model says, whatever it is asked.
          const head = classifierOf(
            {
              async run(feeds) {
                if (typeof feeds === 'function') feeds();
                return outputs();
              },
              release: async () => {},
            },
            modalities.map((modality) => ({ modality, dimension: 1 })),
            target,
          );
          const expected = await head.classify(
            items.map(({ has }) =>
              Object.fromEntries(
                modalities.filter((_, m) => has[m]).map((name) => [name, new Float32Array(1)]),
              ),
            ),
          );
          for (const [row, { fused, unimodal }] of expected.entries()) {
            expectClose(rowsOf(answered, answersOutput)[row], fused);
            for (const [name, own] of Object.entries(unimodal))
              expectClose(rowsOf(answered, answersAlone(name))[row], own);
          }
        }),
        { numRuns: 60 },
      );
    },
  );
});

function expectClose(actual: Float32Array, expected: Float64Array): void {
  for (const [index, value] of expected.entries())
    expect(Math.abs(actual[index] - value)).toBeLessThan(tolerance * Math.max(1, Math.abs(value)));
}
