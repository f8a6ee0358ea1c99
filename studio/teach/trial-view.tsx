import { ImageOf } from '../components/image-of.tsx';
import { messages } from '../messages.ts';
import type { Trial } from '../server.ts';

const words = messages.teach;
/** So many problems are listed; the others are counted. */
const mostShown = 50;

interface TrialViewProps {
  trial: Trial;
  /** The image that a problem is about, where this tab has it. */
  imageAt(at: string): File | undefined;
}

/** What the server says of the examples before anything is kept: how many of each label, and what is wrong. */
export function TrialView({ trial, imageAt }: TrialViewProps) {
  const { counts, problems, problemCount, leftOut, notes } = trial;
  return (
    <div class="stack">
      <p>
        <strong>{words.found(counts.examples, counts.labels.length)}</strong>
      </p>
      {problemCount > 0 && (
        <div class="notice bad stack near" role="alert">
          <strong>{words.problems(problemCount)}</strong>
          <ul class="problems small">
            {problems.slice(0, mostShown).map(({ at, detail }) => {
              const image = imageAt(at);
              return (
                <li key={`${at} ${detail}`}>
                  {image && <ImageOf file={image} alt={words.problemImage} />}
                  <span>{messages.problemAt(image?.name ?? at, detail)}</span>
                </li>
              );
            })}
          </ul>
          {problemCount > mostShown && <p class="small">{words.more(problemCount - mostShown)}</p>}
        </div>
      )}
      {leftOut.length > 0 && <p class="notice warn">{words.leftOut(leftOut.length)}</p>}
      {notes.map((note) => (
        <p class="small faint" key={note}>
          {note}
        </p>
      ))}
      {counts.labels.length > 0 && (
        <table aria-label={words.counts}>
          <thead>
            <tr>
              <th scope="col">{words.label}</th>
              <th scope="col">{words.count}</th>
            </tr>
          </thead>
          <tbody>
            {counts.labels.slice(0, mostShown).map(({ label, examples }) => (
              <tr key={label}>
                <td dir="auto">{label}</td>
                <td>{examples}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}
