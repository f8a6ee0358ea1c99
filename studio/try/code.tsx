import { useState } from 'preact/hooks';
import { messages } from '../messages.ts';
import type { Head } from '../server.ts';
import type { Item } from './item.ts';
import { type Language, languages, snippet } from './snippets.ts';

const words = messages.try;

/** The same request as code, to be copied. */
export function Code({ item, head, needsKey }: { item: Item; head: Head; needsKey: boolean }) {
  const [language, setLanguage] = useState<Language>('curl');
  const [copied, setCopied] = useState<string>();
  const text = snippet(language, item, head, needsKey);
  const copy = async () => {
    // Browsers lend the clipboard to pages of TLS and of this machine only; elsewhere a person selects the text.
    await navigator.clipboard?.writeText(text);
    setCopied(text);
  };
  return (
    <section class="stack near">
      <h2>{words.code}</h2>
      <div class="row">
        <div class="tabs">
          {languages.map((name) => (
            <button
              type="button"
              key={name}
              aria-pressed={name === language}
              onClick={() => setLanguage(name)}
            >
              {name}
            </button>
          ))}
        </div>
        {navigator.clipboard && (
          <button type="button" class="plain" onClick={copy}>
            {copied === text ? words.copied : words.copy}
          </button>
        )}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is scrolled with the keyboard */}
      <section class="scroll" tabIndex={0} aria-label={language}>
        <pre>{text}</pre>
      </section>
    </section>
  );
}
