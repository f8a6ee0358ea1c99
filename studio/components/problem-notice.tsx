import { messages } from '../messages.ts';
import { problemIn } from '../server.ts';

/** What went wrong, where, and what to do next, as the server says it. */
export function ProblemNotice({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const problem = problemIn(error);
  return (
    <div class="notice bad stack near" role="alert">
      <strong>{problem?.title ?? messages.unreachable}</strong>
      <p>{problem?.detail ?? String(error)}</p>
      {problem && problem.errors.length > 1 && (
        <ul class="small">
          {problem.errors.map(({ at, detail }) => (
            <li key={at}>{messages.problemAt(at, detail)}</li>
          ))}
        </ul>
      )}
      <p class="small faint">{problem?.fix ?? messages.unreachableFix}</p>
      {onRetry && (
        <div>
          <button type="button" onClick={onRetry}>
            {messages.retry}
          </button>
        </div>
      )}
    </div>
  );
}
