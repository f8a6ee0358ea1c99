import { h } from 'preact';
import type { Section } from './document.ts';
import { foreign } from './markup.ts';

/** What was said of the dataset and the work on it: rows that were left out, choices without effect. None where nothing was. */
export function notesSection(notes: readonly string[] = []): Section[] {
  if (notes.length === 0) return [];
  const items = notes.map((note) => h('li', null, foreign(note)));
  return [{ id: 'notes', title: 'What else is worth knowing?', content: h('ul', null, items) }];
}
