import { useState } from 'preact/hooks';
import { Curve } from '../components/curve.tsx';
import { ProblemNotice } from '../components/problem-notice.tsx';
import { messages } from '../messages.ts';
import { answered, type Job, server } from '../server.ts';
import { useTraining } from './use-training.ts';

const words = messages.teach;
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** A training as it runs: its stage, its curves, what came of it, and the way to stop it. */
export function TrainingView({ start }: { start: Job }) {
  const { training, error } = useTraining(start);
  const { job, steps, secondsLeft } = training;
  const accuracies = steps.flatMap(({ accuracy }) => accuracy ?? []);
  const { progress } = job;
  return (
    <section class="panel stack" aria-labelledby="training">
      <h2 id="training" dir="auto">
        {words.training(job.head ?? job.dataset)}
      </h2>
      <p>
        <strong role="status">{words.states[job.state]}</strong>
        {job.reason && <span class="faint"> {job.reason}</span>}
      </p>
      {progress && job.finishedAt === undefined && (
        <div class="stack near">
          <label class="field">
            <span>{words.stages[progress.stage]}</span>
            <progress max={Math.max(1, progress.total)} value={progress.done} />
          </label>
          <p class="small faint">
            {words.progress(progress.done, progress.total)}
            {secondsLeft !== undefined && `, ${words.left(secondsLeft)}`}
          </p>
        </div>
      )}
      <div class="cells">
        <Curve
          name={words.loss}
          colour="fused"
          values={steps.map(({ loss }) => loss)}
          written={(loss) => loss.toFixed(3)}
        />
        <Curve name={words.accuracy} colour="image" values={accuracies} written={percent} />
      </div>
      <Outcome job={job} />
      {error !== undefined && <ProblemNotice error={error} />}
      {job.finishedAt === undefined && <Cancel job={job} />}
    </section>
  );
}

function Outcome({ job: { result, error, notes } }: { job: Job }) {
  const accuracy = result?.metrics.fused.accuracy;
  return (
    <>
      {result && (
        <div class="notice good stack near">
          {accuracy !== undefined && (
            <p>{words.ready(result.head, result.version, percent(accuracy), result.examples.test)}</p>
          )}
          <a href="#try">{words.try}</a>
        </div>
      )}
      {error && (
        <div class="notice bad stack near" role="alert">
          <strong>{error.title}</strong>
          <p>{error.detail}</p>
          <p class="small faint">{error.fix}</p>
        </div>
      )}
      {notes && notes.length > 0 && (
        <ul class="small faint">
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
    </>
  );
}

function Cancel({ job }: { job: Job }) {
  const [error, setError] = useState<unknown>();
  const cancel = () =>
    answered(server.DELETE('/v1/jobs/{id}', { params: { path: { id: job.id } } })).catch(setError);
  return (
    <div class="stack near">
      <div>
        <button type="button" disabled={job.state === 'cancelling'} onClick={cancel}>
          {words.cancel}
        </button>
      </div>
      {error !== undefined && <ProblemNotice error={error} />}
    </div>
  );
}
