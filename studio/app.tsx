import { useEffect, useState } from 'preact/hooks';
import { ProblemNotice } from './components/problem-notice.tsx';
import iconUrl from './icon.svg';
import { messages } from './messages.ts';
import { answered, type Session, server } from './server.ts';
import { Account, SignIn } from './session.tsx';
import { ShipPage } from './ship/ship-page.tsx';
import { TeachPage } from './teach/teach-page.tsx';
import { TryPage } from './try/try-page.tsx';
import { useLoaded } from './use-loaded.ts';
import { type PageName, pageNames, usePage } from './use-page.ts';

const pages = { try: TryPage, teach: TeachPage, ship: ShipPage } as const;

/** The page: who is there, then what they may do. */
export function App() {
  const [attempt, setAttempt] = useState(0);
  const loaded = useLoaded(attempt, (signal) => answered(server.GET('/v1/session', { signal })));
  const [changed, setChanged] = useState<Session>();
  const session = changed ?? loaded.value;
  const again = () => {
    setChanged(undefined);
    setAttempt(attempt + 1);
  };
  const isAllowed = (name: PageName) => name === 'try' || session?.scope !== 'predict';
  const asked = usePage();
  const page = isAllowed(asked) ? asked : 'try';
  const Shown = pages[page];
  useEffect(() => {
    document.title = session?.scope ? `${messages[page].title} · ${messages.product}` : messages.product;
  }, [session?.scope, page]);
  return (
    <>
      <a class="skip" href="#main">
        {messages.skip}
      </a>
      <header class="bar">
        <span class="brand">
          <img src={iconUrl} alt="" />
          {messages.product}
        </span>
        {session?.scope && (
          <nav class="row" aria-label={messages.pages}>
            {pageNames.filter(isAllowed).map((name) => (
              <a key={name} href={`#${name}`} aria-current={name === page ? 'page' : undefined}>
                {messages[name].short}
              </a>
            ))}
          </nav>
        )}
        {session && <Account session={session} onSignOut={again} />}
      </header>
      <main id="main" tabIndex={-1}>
        {session ? (
          session.scope ? (
            <Shown session={session} onSignedOut={again} />
          ) : (
            <SignIn onSignIn={setChanged} />
          )
        ) : loaded.error !== undefined ? (
          <ProblemNotice error={loaded.error} onRetry={again} />
        ) : (
          <p class="faint">{messages.loading}</p>
        )}
      </main>
    </>
  );
}
