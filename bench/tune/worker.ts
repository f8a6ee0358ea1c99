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
import { everyWeight, lowRank, type WeightUpdate } from '../../src/encoders/weight-update.ts';
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
  const update = workload.rank === 0 ? everyWeight : lowRank(workload.rank);
  const weights: Record<string, Float32Array> = {};
  const noting: WeightUpdate = {
    ...update,
    parameterShapes(weight) {
      weights[weight.name] = weight.initial;
      return update.parameterShapes(weight);
    },
  };
  const tail = await openTail(engine, cut, noting);
  const table = makeTable(workload);
  const peer = await peerRequest(files, { workload, table, tail, weights, steps });
  return { engine, tail, table, workload, peer };
}

function cpuMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

let opened: Awaited<ReturnType<typeof open>> | undefined;

/** Times as a user's training runs, between two of its reports of progress. */
async function train(tail: Tail, { first, steps: count }: { first: number; steps: number }) {
  const { engine, table, workload } = opened!;
  const reports: { done: number; at: number; cpu: number }[] = [];
  const { history } = await trainHead(engine, table, {
    ...trainingOf(tail, workload, count),
    recipe: recipeOf(workload, count),
    onProgress: ({ done }) => reports.push({ done, at: performance.now(), cpu: cpuMilliseconds() }),
  });
  const start = reports.find(({ done }) => done >= first)!;
  const end = reports.at(-1)!;
  const steps = end.done - start.done;
  return {
    secondsPerStep: (end.at - start.at) / 1000 / steps,
    cpuSecondsPerStep: (end.cpu - start.cpu) / 1000 / steps,
    ...{ losses: history.loss, memory: await memory('VmHWM') },
  };
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
