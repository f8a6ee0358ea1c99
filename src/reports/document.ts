import { h } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { contentPolicy } from './content-policy.ts';
import type { Markup } from './markup.ts';
import { style } from './style.ts';

/** A part of a report that answers one question. */
export interface Section {
  /** What links lead to. */
  id: string;
  title: string;
  content: Markup;
}

/** A whole page that needs nothing but itself. */
export function htmlDocument(title: string, header: Markup, sections: readonly Section[]): string {
  const page = h(
    'html',
    { lang: 'en' },
    h(
      'head',
      null,
      h('meta', { charset: 'utf-8' }),
      h('meta', { 'http-equiv': 'Content-Security-Policy', content: contentPolicy }),
      h('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
      h('title', null, title),
      h('style', { dangerouslySetInnerHTML: { __html: style } }),
    ),
    h(
      'body',
      null,
      header,
      h(
        'nav',
        { 'aria-label': 'Sections' },
        sections.map(({ id, title }) => h('a', { href: `#${id}` }, title)),
      ),
      h(
        'main',
        null,
        sections.map(({ id, title, content }) => h('section', { id }, h('h2', null, title), content)),
      ),
    ),
  );
  return `<!doctype html>\n${renderToString(page)}\n`;
}
