interface BarsProps {
  /** What they show, to whoever cannot see them. */
  label: string;
  /** A modality, or `fused`. */
  colour: string;
  large?: boolean;
  items: { label: string; probability: number; note?: string }[];
}

/** A bar for each label, as long as it is probable. */
export function Bars({ label, colour, large, items }: BarsProps) {
  return (
    <ul class={`bars ${colour} ${large ? 'large' : ''}`} aria-label={label}>
      {items.map((item) => (
        <li key={item.label}>
          <span class="label" title={item.label} dir="auto">
            {item.label}
            {item.note && <span class="faint small"> {item.note}</span>}
          </span>
          <span class="track" aria-hidden="true">
            <span class="fill" style={{ display: 'block', width: `${100 * item.probability}%` }} />
          </span>
          <span class="share">{(100 * item.probability).toFixed(1)} %</span>
        </li>
      ))}
    </ul>
  );
}
