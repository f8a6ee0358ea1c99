import { DropZone } from '../components/drop-zone.tsx';
import { ImageOf } from '../components/image-of.tsx';
import { messages } from '../messages.ts';
import type { LabelBox } from './examples.ts';

const words = messages.teach;
/** So many images of a label are shown; the others are counted. */
const mostShown = 6;

interface LabelBoxesProps {
  boxes: LabelBox[];
  onChange(boxes: LabelBox[]): void;
}

/** Labels that a person makes, and the images that he drops onto each. */
export function LabelBoxes({ boxes, onChange }: LabelBoxesProps) {
  const add = (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault();
    const label = String(new FormData(event.currentTarget).get('label') ?? '').trim();
    event.currentTarget.reset();
    if (label !== '' && !boxes.some((box) => box.label === label))
      onChange([...boxes, { label, images: [] }]);
  };
  return (
    <div class="stack">
      <form class="row" onSubmit={add}>
        <label class="field">
          <span>{words.newLabel}</span>
          <input name="label" required maxLength={200} dir="auto" autocomplete="off" />
        </label>
        <button type="submit">{words.addLabel}</button>
      </form>
      <div class="cells">
        {boxes.map((box) => (
          <Box
            key={box.label}
            box={box}
            onChange={(changed) => onChange(boxes.map((each) => (each === box ? changed : each)))}
            onRemove={() => onChange(boxes.filter((each) => each !== box))}
          />
        ))}
      </div>
      <p class="small faint">{words.keptHere}</p>
    </div>
  );
}

interface BoxProps {
  box: LabelBox;
  onChange(box: LabelBox): void;
  onRemove(): void;
}

function Box({ box: { label, images }, onChange, onRemove }: BoxProps) {
  return (
    <section class="panel stack near" aria-label={label}>
      <h3 dir="auto">{label}</h3>
      <p class="small faint" aria-live="polite">
        {words.images(images.length)}
      </p>
      <DropZone
        label={words.imagesOf(label)}
        accept="image/*"
        multiple
        onFiles={(more) => onChange({ label, images: [...images, ...more] })}
      >
        {words.dropImages}
        <span class="choose">{words.chooseFiles}</span>
      </DropZone>
      <ul class="thumbnails">
        {images.slice(0, mostShown).map((image, index) => (
          <li key={`${index} ${image.name}`}>
            <ImageOf file={image} alt={image.name} />
          </li>
        ))}
      </ul>
      {images.length > mostShown && <p class="small faint">{words.more(images.length - mostShown)}</p>}
      <div>
        <button type="button" class="plain" aria-label={words.removeLabel(label)} onClick={onRemove}>
          {messages.remove}
        </button>
      </div>
    </section>
  );
}
