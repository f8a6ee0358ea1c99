import { useEffect, useState } from 'preact/hooks';
import { ProblemNotice } from '../components/problem-notice.tsx';
import { messages } from '../messages.ts';
import { answered, type Head, type Prediction, problemIn, type Session, server } from '../server.ts';
import { useLoaded } from '../use-loaded.ts';
import { useObjectUrl } from '../use-object-url.ts';
import { Answer } from './answer.tsx';
import { Code } from './code.tsx';
import { Explanation } from './explanation.tsx';
import { emptyItem, givenBy, type Item, requestOf, usedBy } from './item.ts';
import { ItemForm } from './item-form.tsx';

const words = messages.try;

interface TryPageProps {
  session: Session;
  onSignedOut(): void;
}

/** Asks a head about an image, a text or values of columns, as they are given. */
export function TryPage({ session, onSignedOut }: TryPageProps) {
  const [attempt, setAttempt] = useState(0);
  const heads = useLoaded(attempt, (signal) =>
    answered(server.GET('/v1/heads', { params: { query: { limit: 200 } }, signal })),
  );
  const [name, setName] = useState<string>();
  const [item, setItem] = useState<Item>(emptyItem);
  const isSignedOut = problemIn(heads.error)?.status === 401;
  useEffect(() => {
    if (isSignedOut) onSignedOut();
  }, [isSignedOut]);
  if (heads.error !== undefined)
    return <ProblemNotice error={heads.error} onRetry={() => setAttempt(attempt + 1)} />;
  const list = heads.value?.heads;
  if (!list) return <p class="faint">{messages.loading}</p>;
  const head = list.find((each) => each.name === name) ?? list[0];
  return (
    <div class="stack">
      <h1>{words.title}</h1>
      {head ? (
        <>
          <label class="field">
            <span>{words.head}</span>
            <span class="row">
              <select value={head.name} onChange={(event) => setName(event.currentTarget.value)}>
                {list.map((each) => (
                  <option key={each.name} value={each.name}>
                    {each.name}@{each.version}
                  </option>
                ))}
              </select>
              <span class="small faint">{describe(head)}</span>
            </span>
          </label>
          <Asking key={`${head.name}@${head.version}`} {...{ head, item, setItem, session }} />
        </>
      ) : (
        <p>{words.noHeads}</p>
      )}
    </div>
  );
}

function describe({ labels, metrics: { fused } }: Head): string {
  return words.headAbout(labels.length, fused.examples ?? 0, fused.accuracy);
}

/** The item on one side, what the head says of it on the other. */
function Asking({
  head,
  item,
  setItem,
  session,
}: {
  head: Head;
  item: Item;
  setItem(item: Item): void;
  session: Session;
}) {
  const imageUrl = useObjectUrl(item.image);
  const settled = useSettled(item);
  const used = usedBy(settled, head);
  const answer = useLoaded(
    settled,
    used.length > 0 ? (signal) => ask(settled, head, { explain: false, signal }) : undefined,
  );
  return (
    <div class="halves">
      <ItemForm {...{ head, item, imageUrl }} onChange={setItem} />
      <section class="stack" aria-labelledby="answer">
        <h2 id="answer">{words.answer}</h2>
        <div aria-live="polite" aria-busy={answer.isLoading}>
          {answer.error !== undefined ? (
            <ProblemNotice error={answer.error} />
          ) : answer.value && used.length > 0 ? (
            <Answer {...answer.value} />
          ) : (
            <p class="faint">{givenBy(item, head).length > 0 ? words.nothingUsed : words.nothing}</p>
          )}
        </div>
        {answer.value && used.length > 0 && (
          <>
            <Explaining
              key={`${settled.image?.name} ${settled.text} ${JSON.stringify(settled.table)} ${used}`}
              {...{ head, imageUrl, session }}
              item={settled}
            />
            <Code item={settled} head={head} needsKey={session.needsKey} />
          </>
        )}
      </section>
    </div>
  );
}

/** An explanation costs as much as dozens of predictions, so it is made where a person asks for it. */
function Explaining({
  head,
  item,
  imageUrl,
  session,
}: {
  head: Head;
  item: Item;
  imageUrl: string | undefined;
  session: Session;
}) {
  const [isAsked, setAsked] = useState(false);
  const { value, error } = useLoaded(
    isAsked,
    isAsked ? (signal) => ask(item, head, { explain: true, signal }) : undefined,
  );
  if (error !== undefined) return <ProblemNotice error={error} />;
  const explanation = value?.prediction.explanation;
  if (explanation)
    return <Explanation {...{ explanation, item, imageUrl }} scope={session.scope ?? 'predict'} />;
  return (
    <div>
      <button type="button" disabled={isAsked} onClick={() => setAsked(true)}>
        {isAsked ? words.explaining : words.explain}
      </button>
    </div>
  );
}

/** @throws ApiError what the server says is wrong with the item */
async function ask(
  item: Item,
  head: Head,
  { explain, signal }: { explain: boolean; signal: AbortSignal },
): Promise<{ prediction: Prediction; milliseconds: number }> {
  const started = performance.now();
  const request = requestOf(item, head, explain);
  const response = await answered(server.POST('/v1/predict', { ...request, signal }));
  const [result] = 'results' in response ? response.results : [];
  if (!result || 'error' in result) throw new Error('the answer has no result');
  return { prediction: result, milliseconds: performance.now() - started };
}

/** What was given, once nothing has changed for a moment. */
function useSettled(item: Item): Item {
  const [settled, setSettled] = useState(item);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(item), 200);
    return () => clearTimeout(timer);
  }, [item]);
  return settled;
}
