import { Bars } from '../components/bars.tsx';
import { messages, modalityNames } from '../messages.ts';
import type { Prediction } from '../server.ts';

const words = messages.try;

type Target = Pick<Prediction, 'labels' | 'value' | 'interval'>;

/** An answer: all modalities together, whether it may be relied on, and each modality alone. */
export function Answer({ prediction, milliseconds }: { prediction: Prediction; milliseconds: number }) {
  const { modalities, unimodal } = prediction;
  const together = words.together(modalities.map((name) => modalityNames[name]).join(' and '));
  const only = modalities.length === 1 ? modalities[0] : undefined;
  return (
    <div class="stack">
      <Decision prediction={prediction} />
      <div class="stack near">
        <h3 class={`key ${only ?? 'fused'}`}>{only ? words.alone(modalityNames[only]) : together}</h3>
        <Said target={prediction} name={together} colour={only ?? 'fused'} large />
      </div>
      {!only && (
        <div class="cells">
          {modalities.map((name) => {
            const alone = unimodal[name];
            return (
              alone && (
                <div class="stack near" key={name}>
                  <h3 class={`key ${name}`}>{words.alone(modalityNames[name])}</h3>
                  <Said target={alone} name={words.alone(modalityNames[name])} colour={name} />
                </div>
              )
            );
          })}
        </div>
      )}
      <p class="small faint">{words.latency(milliseconds, prediction.timings)}</p>
    </div>
  );
}

function Said({
  target,
  name,
  colour,
  large,
}: {
  target: Target;
  name: string;
  colour: string;
  large?: boolean;
}) {
  const { labels, value, interval } = target;
  if (value === undefined)
    return (
      <Bars
        label={name}
        colour={colour}
        large={large}
        items={labels.map(({ label, probability, given }) => ({
          label,
          probability,
          note: given ? words.given : undefined,
        }))}
      />
    );
  return (
    <p>
      <strong>{format(value)}</strong>
      {interval && <span class="faint"> {words.range(format(interval.low), format(interval.high))}</span>}
    </p>
  );
}

function Decision({ prediction: { decision, reasons = [] } }: { prediction: Prediction }) {
  if (decision === undefined) return null;
  if (decision === 'accepted')
    return (
      <div class="notice good">
        <strong>{words.accepted}</strong> {words.acceptedWhy}
      </div>
    );
  return (
    <div class="notice warn">
      <strong>{words.unsure}</strong>
      <ul>
        {reasons.map((reason) => {
          const said =
            reason.reason === 'unlike-training'
              ? words.reasons[reason.reason](modalityNames[reason.modality])
              : words.reasons[reason.reason];
          return <li key={said}>{said}</li>;
        })}
      </ul>
    </div>
  );
}

function format(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: 4 });
}
