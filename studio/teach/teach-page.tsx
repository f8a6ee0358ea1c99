import { useEffect, useState } from 'preact/hooks';
import { DropZone } from '../components/drop-zone.tsx';
import { ProblemNotice } from '../components/problem-notice.tsx';
import { messages } from '../messages.ts';
import { answered, form, type Job, problemIn, type Session, server, type Trial } from '../server.ts';
import { useLoaded } from '../use-loaded.ts';
import { type LabelBox, rowsOf, tableOf } from './examples.ts';
import { LabelBoxes } from './label-boxes.tsx';
import { TrainingView } from './training.tsx';
import { TrialView } from './trial-view.tsx';

const words = messages.teach;

interface TeachPageProps {
  session: Session;
  onSignedOut(): void;
}

/** Makes a head of examples: images dropped onto labels, or a file of them. */
export function TeachPage({ onSignedOut }: TeachPageProps) {
  const [started, setStarted] = useState<Job>();
  const jobs = useLoaded(started?.id, (signal) =>
    answered(server.GET('/v1/jobs', { params: { query: { limit: 50 } }, signal })),
  );
  const isSignedOut = problemIn(jobs.error)?.status === 401;
  useEffect(() => {
    if (isSignedOut) onSignedOut();
  }, [isSignedOut]);
  const newest = started ?? jobs.value?.jobs.find(({ kind }) => kind === 'train');
  return (
    <div class="stack">
      <h1>{words.title}</h1>
      <div class="halves">
        <Examples onStart={setStarted} />
        {jobs.error !== undefined ? (
          <ProblemNotice error={jobs.error} />
        ) : newest ? (
          <TrainingView key={newest.id} start={newest} />
        ) : (
          <p class="faint">{jobs.isLoading ? messages.loading : words.noTraining}</p>
        )}
      </div>
    </div>
  );
}

/** Examples that the server has checked. */
interface Checked {
  file: File;
  trial: Trial;
  skipBadRows: boolean;
  /** The images of its rows, where they were dropped onto labels. */
  images: File[];
}

/** What the head is to learn from: given, checked, then learnt. */
function Examples({ onStart }: { onStart(job: Job): void }) {
  const [boxes, setBoxes] = useState<LabelBox[]>([]);
  const [checked, setChecked] = useState<Checked>();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const attempt = async (action: () => Promise<void>) => {
    setBusy(true);
    setError(undefined);
    await action().catch(setError);
    setBusy(false);
  };
  const check = async (file: File, images: File[], skipBadRows = false) =>
    setChecked({ file, images, skipBadRows, trial: await tried({ file, skipBadRows }) });
  const rows = rowsOf(boxes);
  return (
    <section class="stack" aria-labelledby="examples">
      <h2 id="examples">{words.examples}</h2>
      <h3>{words.boxes}</h3>
      <LabelBoxes
        boxes={boxes}
        onChange={(changed) => {
          setBoxes(changed);
          setChecked(undefined);
        }}
      />
      <div>
        <button
          type="button"
          disabled={isBusy || rows.length === 0}
          onClick={() =>
            attempt(async () =>
              check(
                await tableOf(boxes, 'examples'),
                rows.map(({ image }) => image),
              ),
            )
          }
        >
          {isBusy ? words.checking : words.check}
        </button>
      </div>
      <h3>{words.file}</h3>
      <DropZone
        label={words.fileLabel}
        accept=""
        onFiles={([file]) => file && attempt(() => check(file, []))}
      >
        {words.dropFile}
        <span class="choose">{messages.try.choose}</span>
      </DropZone>
      {error !== undefined && <ProblemNotice error={error} />}
      {checked && (
        <>
          <TrialView trial={checked.trial} imageAt={(at) => imageAt(checked.images, at)} />
          {checked.trial.problemCount > 0 ? (
            <div>
              <button
                type="button"
                disabled={isBusy}
                onClick={() => attempt(() => check(checked.file, checked.images, true))}
              >
                {words.leaveOut}
              </button>
            </div>
          ) : (
            <Start
              isBusy={isBusy}
              onName={(head) => attempt(async () => onStart(await started(checked, head)))}
            />
          )}
        </>
      )}
    </section>
  );
}

function Start({ isBusy, onName }: { isBusy: boolean; onName(head: string): void }) {
  return (
    <form
      class="stack near"
      onSubmit={(event) => {
        event.preventDefault();
        onName(String(new FormData(event.currentTarget).get('head')));
      }}
    >
      <label class="field">
        <span>{words.name}</span>
        <input name="head" required maxLength={64} autocomplete="off" aria-describedby="name-hint" />
      </label>
      <p id="name-hint" class="small faint">
        {words.nameHint}
      </p>
      <div>
        <button type="submit" class="primary" disabled={isBusy}>
          {isBusy ? words.starting : words.start}
        </button>
      </div>
    </form>
  );
}

/** What the server would say of the examples; it keeps nothing. */
async function tried({ file, skipBadRows }: Pick<Checked, 'file' | 'skipBadRows'>): Promise<Trial> {
  const trial = await answered(
    server.POST('/v1/datasets', {
      params: { query: { dryRun: 'true' } },
      ...form({ file, skipBadRows: String(skipBadRows) as 'true' | 'false' }),
    }),
  );
  if (!('problems' in trial)) throw new Error('the answer is no trial');
  return trial;
}

/** Brings the examples to the server, and starts the training on them. */
async function started({ file, skipBadRows }: Checked, head: string): Promise<Job> {
  const dataset = await answered(
    server.POST('/v1/datasets', {
      ...form({ file, name: head, skipBadRows: String(skipBadRows) as 'true' | 'false' }),
    }),
  );
  if (!('id' in dataset)) throw new Error('the answer is no dataset');
  return answered(server.POST('/v1/jobs', { body: { head, dataset: dataset.id } }));
}

/** The image that a problem of the table's row is about: `examples.jsonl line 3`. */
function imageAt(images: File[], at: string): File | undefined {
  const row = /(\d+)\D*$/.exec(at)?.[1];
  return row === undefined ? undefined : images[Number(row) - 1];
}
