import { messages } from '../messages.ts';

interface CurveProps {
  name: string;
  /** A modality, or `fused`. */
  colour: string;
  /** Of one step after the other. */
  values: number[];
  /** How a value is written. */
  written(value: number): string;
}

const [width, height] = [300, 100];

/** How a figure of a training changes, from nought to its greatest value. */
export function Curve({ name, colour, values, written }: CurveProps) {
  const [first, last] = [values.at(0), values.at(-1)];
  if (first === undefined || last === undefined) return null;
  const most = values.reduce((greatest, value) => Math.max(greatest, value), Number.MIN_VALUE);
  const points = values.map(
    (value, step) => `${(width * step) / Math.max(1, values.length - 1)},${height - (height * value) / most}`,
  );
  return (
    <figure class={`curve ${colour}`}>
      <figcaption class="key">
        {name} <strong>{written(last)}</strong>
      </figcaption>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={messages.teach.curve(name, written(first), written(last), values.length)}
      >
        <polyline points={points.join(' ')} />
      </svg>
    </figure>
  );
}
