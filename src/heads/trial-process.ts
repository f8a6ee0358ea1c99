import { embeddingOutput } from '../arl/ports.ts';
/** The process that tries a head which is not trusted yet. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { itemAt, required } from '../indexing.ts';
import { endWithParent } from '../runtime/end-with-parent.ts';
import { Engine, type Runnable } from '../runtime/engine.ts';
import { OutOfMemory } from '../runtime/out-of-memory.ts';
import { float32, floatsOf, type Tensors } from '../runtime/tensor.ts';
import { sha256OfFile } from '../store/files/checksum.ts';
import { openCompanions } from './companions.ts';
import { checkHeadGraph } from './graph.ts';
import { readHeadManifest } from './head.ts';
import { inputsOf } from './inputs.ts';
import { type HeadManifest, headFiles } from './manifest.ts';
import { readNeighbours } from './neighbours.ts';
import { readTrainingRows } from './training-rows.ts';
import type { TrialOutcome } from './trial.ts';

endWithParent();
process.once('message', async (folder: string) => {
  const outcome = await tryFolder(folder).then(
    (): TrialOutcome => ({ kind: 'fine' }),
    (error: Error): TrialOutcome => ({
      kind: error instanceof OutOfMemory ? 'out-of-memory' : 'unfit',
      problem: error.message,
    }),
  );
  process.send?.(outcome, () => process.exit(0));
});

async function tryFolder(folder: string): Promise<void> {
  const manifest = await readHeadManifest(folder);
  checkManifest(manifest);
  const weights = path.join(folder, headFiles.weights);
  if ((await sha256OfFile(weights)) !== manifest.weights)
    throw new Error(`${headFiles.weights} does not have the sha256 that ${headFiles.manifest} says`);
  const bytes = await readFile(weights);
  checkHeadGraph(bytes, manifest);
  const engine = Engine.start({ provider: 'cpu', threads: 1 });
  const session = await engine.load(new Uint8Array(bytes));
  await tryModel(session, manifest);
  await readTrainingRows({ folder }, manifest.labels.length);
  await readNeighbours({ folder }, manifest.encoders);
  await openCompanions({ folder }, manifest);
}

/** What a schema does not say: lists that belong together are as long as each other. */
function checkManifest({ labels, thresholds, unimodalThresholds = {}, encoders }: HeadManifest): void {
  if (new Set(labels).size !== labels.length) throw new Error(`${headFiles.manifest} names a label twice`);
  for (const each of [thresholds, ...Object.values(unimodalThresholds)])
    if (each && each.length !== labels.length)
      throw new Error(`${headFiles.manifest} has ${each.length} thresholds for ${labels.length} labels`);
  if (encoders.some(({ dimension }) => dimension < 1))
    throw new Error(`${headFiles.manifest} names an encoder without features`);
}

/** Rows of every kind that finite features come in, answered together and one by one. */
async function tryModel(session: Runnable, manifest: HeadManifest): Promise<void> {
  for (const value of [0, 1, -1]) await answer(session, manifest, 1, () => value);
  await answer(session, manifest, 256, scattered(10));
  const rows = 3;
  const next = scattered(1);
  const inputs = inputsOf(manifest.encoders);
  const values = inputs.map(({ dimension }) => Float32Array.from({ length: rows * dimension }, next));
  const at = (row: number) => (index: number, m: number) =>
    itemAt(itemAt(values, m), row * itemAt(inputs, m).dimension + index);
  const together = await answer(session, manifest, rows, at(0));
  for (let row = 0; row < rows; row++) {
    const alone = await answer(session, manifest, 1, at(row));
    for (const [name, own] of Object.entries(alone))
      for (const [label, value] of own.entries()) {
        const other = itemAt(required(together[name], name), row * own.length + label);
        if (Math.abs(other - value) > 1e-3 * (1 + Math.abs(value)))
          throw new Error(`its answer to a row depends on the other rows of the run (${name})`);
      }
  }
}

/** @returns what gives numbers of about a magnitude, the same in every trial */
function scattered(magnitude: number): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return magnitude * ((2 * state) / 2 ** 32 - 1);
  };
}

/** Every output of the model, once it has as many finite numbers as it should. */
async function answer(
  session: Runnable,
  { encoders, labels }: HeadManifest,
  rows: number,
  value: (index: number, modality: number) => number,
): Promise<Record<string, Float32Array>> {
  const feeds: Tensors = Object.fromEntries(
    inputsOf(encoders).map(({ name, dimension }, m) => [
      name,
      float32(
        [rows, dimension],
        Float32Array.from({ length: rows * dimension }, (_, index) => value(index, m)),
      ),
    ]),
  );
  const outputs = await session.run(feeds);
  const features = new Map(
    encoders.map(({ modality, embeddingDimension }) => [embeddingOutput(modality), embeddingDimension]),
  );
  return Object.fromEntries(
    Object.keys(outputs).map((name) => {
      const numbers = floatsOf(outputs, name);
      if (numbers.length !== rows * (features.get(name) ?? labels.length))
        throw new Error(`its model does not answer with a number for each of its ${labels.length} labels`);
      const wrong = numbers.find((number) => !Number.isFinite(number));
      if (wrong !== undefined)
        throw new Error(
          `its model answers ${wrong} to finite features (${name}), which is not a finite number`,
        );
      return [name, numbers];
    }),
  );
}
