import { useEffect, useState } from 'preact/hooks';
import { type Job, jobEvents, server } from '../server.ts';

/** A job as its last event has it, and the figures of its training so far. */
export interface Training {
  job: Job;
  steps: { step: number; loss: number; accuracy?: number }[];
  /** Seconds that the present stage still takes, where enough of it is done to say so. */
  secondsLeft?: number;
}

/**
 * Follows a job from its first event to its last. The server keeps the events, so a page that is opened later, or by
 * somebody else, has the whole curve.
 */
export function useTraining(start: Job): { training: Training; error?: unknown } {
  const [training, setTraining] = useState<Training>({ job: start, steps: [] });
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    const left = new AbortController();
    const follow = async () => {
      let now: Training = { job: start, steps: [] };
      let stage = { name: '', began: 0, done: 0 };
      for await (const { job } of jobEvents(server, start.id, { signal: left.signal })) {
        const { progress } = job;
        if (progress && progress.stage !== stage.name)
          stage = { name: progress.stage, began: performance.now(), done: progress.done };
        now = { ...withFigures(now, job), secondsLeft: secondsLeft(job, stage) };
        setTraining(now);
      }
    };
    follow().catch((reason) => !left.signal.aborted && setError(reason));
    return () => left.abort();
  }, [start.id]);
  return { training, error };
}

function withFigures({ steps }: Training, job: Job): Training {
  const { stage, done = 0, loss, accuracy } = job.progress ?? {};
  const isNew = stage === 'training' && loss !== undefined && steps.at(-1)?.step !== done;
  return { job, steps: isNew ? [...steps, { step: done, loss, accuracy }] : steps };
}

/** By the pace of the stage since it was first seen. */
function secondsLeft({ progress, state }: Job, stage: { began: number; done: number }): number | undefined {
  if (!progress || state !== 'running') return undefined;
  const done = progress.done - stage.done;
  const seconds = (performance.now() - stage.began) / 1000;
  return done > 0 && seconds > 1 ? (seconds / done) * (progress.total - progress.done) : undefined;
}
