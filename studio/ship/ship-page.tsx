import { useState } from 'preact/hooks';
import { ProblemNotice } from '../components/problem-notice.tsx';
import { messages } from '../messages.ts';
import { address, answered, type HeadVersions, type Session, server } from '../server.ts';
import { useLoaded } from '../use-loaded.ts';

const words = messages.ship;

/** Which version of each head its alias `production` stands for, and how to move it, take it back, or take it along. */
export function ShipPage({ session }: { session: Session }) {
  const heads = useLoaded(undefined, (signal) =>
    answered(server.GET('/v1/heads', { params: { query: { limit: 200 } }, signal })),
  );
  const names = [...new Set(heads.value?.heads.map(({ name }) => name))];
  return (
    <div class="stack">
      <h1>{words.title}</h1>
      <p>{words.about}</p>
      {heads.error !== undefined && <ProblemNotice error={heads.error} />}
      <div class="cells">
        {names.map((name) => (
          <HeadToShip key={name} name={name} mayMove={session.scope === 'admin'} />
        ))}
      </div>
    </div>
  );
}

function HeadToShip({ name, mayMove }: { name: string; mayMove: boolean }) {
  const [moved, setMoved] = useState<HeadVersions>();
  const [error, setError] = useState<unknown>();
  const loaded = useLoaded(name, (signal) =>
    answered(server.GET('/v1/heads/{name}', { params: { path: { name } }, signal })),
  );
  const head = moved ?? loaded.value;
  const attempt = (call: Promise<HeadVersions>) => {
    setError(undefined);
    call.then(setMoved, setError);
  };
  const path = { name, alias: 'production' };
  const current = head?.aliases.production;
  return (
    <section class="panel stack near" aria-label={name}>
      <h2>{name}</h2>
      <p role="status">{current === undefined ? words.none : words.served(current)}</p>
      <ul class="stack near">
        {head?.versions.map((version) => (
          <li class="row" key={version}>
            <span>{words.version(version)}</span>
            {mayMove && version !== current && (
              <button
                type="button"
                aria-label={words.moveTo(version)}
                onClick={() =>
                  attempt(
                    answered(
                      server.PUT('/v1/heads/{name}/aliases/{alias}', { params: { path }, body: { version } }),
                    ),
                  )
                }
              >
                {words.move}
              </button>
            )}
            <a href={`${address}v1/heads/${name}/versions/${version}/export`} download>
              {words.export(version)}
            </a>
          </li>
        ))}
      </ul>
      {mayMove && current !== undefined && (
        <div>
          <button
            type="button"
            onClick={() =>
              attempt(
                answered(server.POST('/v1/heads/{name}/aliases/{alias}/rollback', { params: { path } })),
              )
            }
          >
            {words.rollBack}
          </button>
        </div>
      )}
      {error !== undefined && <ProblemNotice error={error} />}
    </section>
  );
}
