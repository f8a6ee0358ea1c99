/**
 * Tandem's side of the comparison, in a process of its own so that its memory can be compared. One JSON object a line on
 * stdin, one a line on stdout: `load`, then `train` any number of times.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Tail } from '../../src/arl/tail.ts';
import { openTail } from '../../src/encoders/tail.ts';
import { cutEncoder } from '../../src/encoders/trunk.ts';
import { sortedNodes } from '../../src/graph/differentiate.ts';
import { input } from '../../src/graph/value.ts';
import { Engine } from '../../src/runtime/engine.ts';
import { trainHead } from '../../src/training/loop/trainer.ts';
import { makeTable, peerRequest, recipeOf, trainingOf, type Workload } from './workload.ts';

const folder = path.join(import.meta.dirname, '..', '..', 'models', 'all-MiniLM-L6-v2');

async function memory(name: string): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) / 1024;
}

async function open(workload: Workload, files: string, steps: number) {
  const engine = Engine.start({ provider: 'cpu', threads: workload.threads });
  const cut = await cutEncoder({ folder, blocks: workload.blocks, tokens: workload.tokens });
  const tail = await openTail(engine, cut);
  const weights = pretrainedWeights(tail);
  const table = makeTable(workload);
  const peer = await peerRequest(files, { workload, table, tail, weights, steps });
  return { engine, tail, table, workload, peer };
}

/** What each weight is before it is moved. */
function pretrainedWeights(tail: Tail): Record<string, Float32Array> {
  const shapes = tail.parameterShapes;
  const features = tail.features(input('rows', [1, tail.rowLength]), (name) => input(name, shapes[name]));
  return Object.fromEntries(
    sortedNodes([features]).flatMap(({ operator, inputs: [initial, moved] }) =>
      operator === 'Add' && initial.kind === 'constant' && moved?.kind === 'input'
        ? [[moved.name, initial.data as Float32Array]]
        : [],
    ),
  );
}

let opened: Awaited<ReturnType<typeof open>> | undefined;

/** Times as a user's training runs, between two of its reports of progress. */
async function train(tail: Tail, { first, steps }: { first: number; steps: number }) {
  const { engine, table, workload } = opened!;
  const reports: { done: number; at: number }[] = [];
  const { history } = await trainHead(engine, table, {
    ...trainingOf(tail, workload, steps),
    recipe: recipeOf(workload, steps),
    onProgress: ({ done }) => reports.push({ done, at: performance.now() }),
  });
  const start = reports.find(({ done }) => done >= first)!;
  const end = reports.at(-1)!;
  const seconds = (end.at - start.at) / 1000 / (end.done - start.done);
  return { secondsPerStep: seconds, losses: history.loss, memory: await memory('VmHWM') };
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  if (request.command === 'load') {
    await opened?.engine.close();
    opened = await open(request.workload, request.folder, request.steps);
    const { peer } = opened;
    process.stdout.write(`${JSON.stringify({ peer, memory: await memory('VmRSS') })}\n`);
  } else process.stdout.write(`${JSON.stringify(await train(opened!.tail, request))}\n`);
}
await opened?.engine.close();
