import { DropZone } from '../components/drop-zone.tsx';
import { messages, modalityNames } from '../messages.ts';
import type { Head } from '../server.ts';
import { columnsOf, givenBy, type Item, type ModalityName } from './item.ts';

const words = messages.try;

interface ItemFormProps {
  head: Head;
  item: Item;
  imageUrl: string | undefined;
  onChange(item: Item): void;
}

/** What a person gives to be classified, and what of it is switched off. */
export function ItemForm({ head, item, imageUrl, onChange }: ItemFormProps) {
  const has = (modality: ModalityName) => head.modalities.includes(modality);
  const given = givenBy(item, head);
  return (
    <div class="stack">
      {has('image') && (
        <fieldset class="stack near">
          <legend>{words.image}</legend>
          <DropZone label={words.image} accept="image/*" onFiles={([image]) => onChange({ ...item, image })}>
            {imageUrl ? (
              <span class="picture">
                <img src={imageUrl} alt={words.imageAlt} />
              </span>
            ) : (
              <>
                {words.dropImage}
                <span class="choose">{words.choose}</span>
              </>
            )}
          </DropZone>
          {item.image && (
            <div class="row">
              <span class="small faint" dir="auto">
                {item.image.name}
              </span>
              <button type="button" class="plain" onClick={() => onChange({ ...item, image: undefined })}>
                {words.removeImage}
              </button>
            </div>
          )}
        </fieldset>
      )}
      {has('text') && (
        <label class="field">
          <span>{words.text}</span>
          <textarea
            dir="auto"
            value={item.text}
            placeholder={words.textHint}
            onInput={(event) => onChange({ ...item, text: event.currentTarget.value })}
          />
        </label>
      )}
      {has('table') && (
        <fieldset class="stack near">
          <legend>{words.table}</legend>
          <div class="cells">
            {columnsOf(head).map(({ name, kind }) => (
              <label class="field" key={name}>
                <span dir="auto">{name}</span>
                <input
                  value={item.table[name] ?? ''}
                  inputMode={kind === 'category' ? 'text' : 'decimal'}
                  placeholder={words.missing}
                  onInput={(event) =>
                    onChange({ ...item, table: { ...item.table, [name]: event.currentTarget.value } })
                  }
                />
              </label>
            ))}
          </div>
        </fieldset>
      )}
      {given.length > 1 && <Switches given={given} item={item} onChange={onChange} />}
    </div>
  );
}

/** Switches each modality on and off, to see what the others say without it. */
function Switches({
  given,
  item,
  onChange,
}: { given: ModalityName[] } & Pick<ItemFormProps, 'item' | 'onChange'>) {
  return (
    <div class="row">
      {given.map((modality) => (
        <label class="switch" key={modality}>
          <input
            type="checkbox"
            checked={!item.off.includes(modality)}
            onChange={({ currentTarget: { checked } }) => {
              const others = item.off.filter((name) => name !== modality);
              onChange({ ...item, off: checked ? others : [...others, modality] });
            }}
          />
          {words.use(modalityNames[modality])}
        </label>
      ))}
    </div>
  );
}
