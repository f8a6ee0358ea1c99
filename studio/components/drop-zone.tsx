import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

interface DropZoneProps {
  /** Says what the zone takes, to whoever cannot see it. */
  label: string;
  /** What the file dialog offers. */
  accept: string;
  /** Whether it takes more than one file at once. */
  multiple?: boolean;
  /** At least one file. */
  onFiles(files: File[]): void;
  children: ComponentChildren;
}

/** Takes files that are dropped on it, pasted into it, or chosen with the keyboard. */
export function DropZone({ label, accept, multiple, onFiles, children }: DropZoneProps) {
  const [isOver, setOver] = useState(false);
  const take = (files: FileList | undefined | null) => {
    const taken = [...(files ?? [])].slice(0, multiple ? undefined : 1);
    if (taken.length > 0) onFiles(taken);
  };
  return (
    <label
      class={`drop ${isOver ? 'over' : ''}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer?.files);
      }}
      onPaste={(event) => take(event.clipboardData?.files)}
    >
      <input
        type="file"
        aria-label={label}
        accept={accept}
        multiple={multiple}
        onChange={(event) => {
          take(event.currentTarget.files);
          // The same file may be chosen again.
          event.currentTarget.value = '';
        }}
      />
      <span>{children}</span>
    </label>
  );
}
