import { useState } from 'preact/hooks';
import { ProblemNotice } from './components/problem-notice.tsx';
import { messages } from './messages.ts';
import { answered, type Session, server } from './server.ts';

const words = messages.signIn;

/** Asks for a key, once. It is sent to the server and kept nowhere in the page. */
export function SignIn({ onSignIn }: { onSignIn(session: Session): void }) {
  const [error, setError] = useState<unknown>();
  const [isSending, setSending] = useState(false);
  const submit = async (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault();
    const form = event.currentTarget;
    const key = String(new FormData(form).get('key') ?? '').trim();
    setSending(true);
    setError(undefined);
    try {
      onSignIn(await answered(server.POST('/v1/session', { body: { key } })));
    } catch (reason) {
      setError(reason);
    } finally {
      form.reset();
      setSending(false);
    }
  };
  return (
    <form class="panel stack sign-in" onSubmit={submit}>
      <h1>{words.title}</h1>
      <p>{words.why}</p>
      {error !== undefined && <ProblemNotice error={error} />}
      <label class="field">
        <span>{words.key}</span>
        <input name="key" type="password" autocomplete="current-password" required maxLength={200} />
      </label>
      <button type="submit" class="primary" disabled={isSending}>
        {words.submit}
      </button>
      <p class="small faint">{words.make}</p>
      <code>tandem keys create me --scope train</code>
    </form>
  );
}

/** Who is signed in, and the way out. */
export function Account({ session, onSignOut }: { session: Session; onSignOut(): void }) {
  if (session.key === undefined || session.scope === undefined) return null;
  const signOut = async () => {
    await server.DELETE('/v1/session');
    onSignOut();
  };
  return (
    <div class="account">
      <span>{words.as(session.key, session.scope)}</span>
      <button type="button" class="plain" onClick={signOut}>
        {words.signOut}
      </button>
    </div>
  );
}
