import { messages, modalityNames } from '../messages.ts';
import { answered, type Explanation as Explained, type Scope, server } from '../server.ts';
import { useLoaded } from '../use-loaded.ts';
import type { Item } from './item.ts';

const words = messages.try;

interface ExplanationProps {
  explanation: Explained;
  item: Item;
  imageUrl: string | undefined;
  scope: Scope;
}

/** What an answer rests on: regions, words, columns, and the training examples that the item resembles. */
export function Explanation({ explanation, item, imageUrl, scope }: ExplanationProps) {
  const { image, text, table } = explanation.modalities;
  return (
    <div class="stack">
      <h2>{words.explanation(explanation.label)}</h2>
      <p class="small faint">{words.effects}</p>
      {Object.entries({ image, text, table }).map(
        ([name, part]) =>
          part?.effect !== undefined && (
            <p key={name} class={`small key ${name}`}>
              {words.withoutIt(modalityNames[name as keyof typeof modalityNames], signed(-part.effect))}
            </p>
          ),
      )}
      {image && imageUrl && <Regions parts={image.parts} imageUrl={imageUrl} />}
      {text && <Words parts={text.parts} text={item.text} />}
      {table && (
        <table class="small">
          <tbody>
            {table.parts.map(({ column, value, effect }) => (
              <tr key={column}>
                <th scope="row" dir="auto">
                  {column}
                </th>
                <td dir="auto">{value}</td>
                <td>{signed(effect)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <Nearest nearest={explanation.nearest} scope={scope} />
    </div>
  );
}

type Parts<Name extends keyof Explained['modalities']> = NonNullable<Explained['modalities'][Name]>['parts'];

/** How strong each part is beside the strongest, from 0 to 1. */
function strengths(parts: readonly { effect: number }[]): number[] {
  const most = Math.max(...parts.map(({ effect }) => Math.abs(effect)), Number.EPSILON);
  return parts.map(({ effect }) => Math.abs(effect) / most);
}

const toneOf = (effect: number) => (effect >= 0 ? 'raises' : 'lowers');

function Regions({ parts, imageUrl }: { parts: Parts<'image'>; imageUrl: string }) {
  const strength = strengths(parts);
  return (
    <div>
      <span class="picture">
        <img src={imageUrl} alt={words.imageAlt} />
        <svg
          viewBox="0 0 1 1"
          preserveAspectRatio="none"
          role="img"
          aria-label={words.regionAlt(parts.length)}
        >
          {parts.map(({ x, y, width, height, effect }, index) => (
            <rect
              key={`${x} ${y}`}
              class={toneOf(effect)}
              {...{ x, y, width, height }}
              fill-opacity={0.6 * (strength[index] ?? 0)}
              stroke-opacity={strength[index]}
            >
              <title>{signed(effect)}</title>
            </rect>
          ))}
        </svg>
      </span>
    </div>
  );
}

function Words({ parts, text }: { parts: Parts<'text'>; text: string }) {
  const strength = strengths(parts);
  const last = parts.at(-1)?.end ?? 0;
  return (
    <p class="words" dir="auto">
      {parts.map(({ start, end, effect }, index) => (
        <span key={start}>
          {text.slice(parts[index - 1]?.end ?? 0, start)}
          <mark
            class={toneOf(effect)}
            style={{ '--strength': `${Math.round(55 * (strength[index] ?? 0))}%` }}
            title={signed(effect)}
          >
            {text.slice(start, end)}
          </mark>
        </span>
      ))}
      {text.slice(last)}
    </p>
  );
}

function Nearest({ nearest, scope }: { nearest: Explained['nearest']; scope: Scope }) {
  return (
    <section class="stack near">
      <h3>{words.nearest}</h3>
      {nearest.length === 0 && <p class="small faint">{words.noNearest}</p>}
      <ol class="cards">
        {nearest.map((example) => (
          <NearestCard key={`${example.dataset} ${example.row}`} {...{ example, scope }} />
        ))}
      </ol>
    </section>
  );
}

function NearestCard({ example, scope }: { example: Explained['nearest'][number]; scope: Scope }) {
  const { dataset: id, row, truth, similarity } = example;
  const mayRead = id !== undefined && scope !== 'predict';
  const { value } = useLoaded(
    `${id} ${row}`,
    mayRead
      ? (signal) =>
          answered(
            server.GET('/v1/datasets/{id}/rows', {
              params: { path: { id }, query: { row, limit: 1 } },
              signal,
            }),
          )
      : undefined,
  );
  const [found] = value?.rows ?? [];
  const said =
    'class' in truth ? truth.class : 'classes' in truth ? truth.classes.join(', ') : truth.values.join(', ');
  return (
    <li>
      {found?.image && <img src={found.image.thumbnail.url} alt="" />}
      <strong dir="auto">{said}</strong>
      {found?.text && <span dir="auto">{found.text.slice(0, 120)}</span>}
      <span class="faint">
        {words.row(row)}, {words.similarity(similarity)}
      </span>
    </li>
  );
}

/** An effect with its sign; of probabilities in points of a hundred. */
function signed(effect: number): string {
  return `${effect >= 0 ? '+' : '−'}${Math.abs(effect).toFixed(3)}`;
}
