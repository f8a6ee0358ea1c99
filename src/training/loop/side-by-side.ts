import { availableParallelism } from 'node:os';
import pMap from 'p-map';
import { required } from '../../indexing.ts';
import { Engine } from '../../runtime/engine.ts';

export interface EngineShare {
  provider: Engine['provider'];
  /** Threads to share out; 0 for as many as there are cores. */
  threads: number;
  /** Trainings that are to be done: no more engines are started. */
  trainings: number;
}

/**
 * Starts engines that share the cores, one a training where there are enough, and closes them after the work.
 * @example const answers = await withEngines({ provider: 'cpu', threads: 0, trainings: 10 }, (engines) => onEngines(engines, tasks, train));
 */
export async function withEngines<Result>(
  { provider, threads, trainings }: EngineShare,
  work: (engines: readonly Engine[]) => Promise<Result>,
): Promise<Result> {
  const cores = threads || availableParallelism();
  const sideBySide = Math.min(cores, trainings);
  const engines = Array.from({ length: sideBySide }, () =>
    Engine.start({ provider, threads: Math.floor(cores / sideBySide) }),
  );
  try {
    return await work(engines);
  } finally {
    await Promise.all(engines.map((engine) => engine.close()));
  }
}

/**
 * Does tasks side by side, each on an engine that is idle.
 * @returns the results, in the order of the tasks
 */
export function onEngines<Task, Result>(
  engines: readonly Engine[],
  tasks: readonly Task[],
  work: (engine: Engine, task: Task) => Promise<Result>,
): Promise<Result[]> {
  const idle = [...engines];
  return pMap(
    tasks,
    async (task) => {
      const engine = required(idle.pop(), 'an idle engine');
      const result = await work(engine, task);
      idle.push(engine);
      return result;
    },
    { concurrency: engines.length },
  );
}
