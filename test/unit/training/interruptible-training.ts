/**
 * A training in a process of its own, so that a test can kill it: `node interruptible-training.ts FOLDER`. It prints a
 * line after every run of steps, and at the end the parameters' sha256.
 */
import { createHash } from 'node:crypto';
import { Engine } from '../../../src/runtime/engine.ts';
import { CheckpointFolder } from '../../../src/training/loop/checkpoints.ts';
import { defaultRecipe } from '../../../src/training/loop/recipe.ts';
import { trainHead } from '../../../src/training/loop/trainer.ts';
import { syntheticTable } from './synthetic.ts';

const [folder] = process.argv.slice(2);
const engine = Engine.start({ provider: 'cpu', threads: 1 });
const table = syntheticTable({ rows: 203, classes: 4, dimensions: { image: 24, text: 16 } });
const { parameters } = await trainHead(engine, table, {
  classes: 4,
  recipe: { ...defaultRecipe, hidden: 16, minimumSteps: 3000 },
  seed: 5,
  checkpoint: new CheckpointFolder(folder, {}, { seconds: 0 }).stage('final'),
  onProgress: ({ done }) => process.stdout.write(`${done}\n`),
});
const hash = createHash('sha256');
for (const values of Object.values(parameters)) hash.update(values);
process.stdout.write(`${hash.digest('hex')}\n`);
await engine.close();
