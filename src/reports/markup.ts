import { type ComponentChildren, h } from 'preact';

/** What may stand in the page. A string is text, never markup: rendering escapes it. */
export type Markup = ComponentChildren;

export interface Column {
  title: Markup;
  numeric?: boolean;
}

/** A table whose first column names the rows. It scrolls sideways on its own where the screen is narrow. */
export function table(caption: string, columns: readonly Column[], rows: readonly Markup[][]): Markup {
  const kind = (column: number) => (columns[column]?.numeric ? 'number' : undefined);
  return h(
    'div',
    { class: 'wide' },
    h(
      'table',
      null,
      h('caption', null, caption),
      h(
        'thead',
        null,
        h(
          'tr',
          null,
          columns.map(({ title }, column) => h('th', { scope: 'col', class: kind(column) }, title)),
        ),
      ),
      h(
        'tbody',
        null,
        rows.map(([name, ...cells]) =>
          h(
            'tr',
            null,
            h('th', { scope: 'row' }, name),
            cells.map((cell, column) => h('td', { class: kind(column + 1) }, cell)),
          ),
        ),
      ),
    ),
  );
}

/** A label or a text of the dataset. It may run in either direction and must not turn what stands around it. */
export function foreign(text: string): Markup {
  return h('bdi', null, text);
}

export function paragraph(...content: Markup[]): Markup {
  return h('p', null, content);
}

/** A chart below its title, with the sentence that says how to read it. */
export function figure(title: string, legend: Markup, chart: Markup, reading: Markup): Markup {
  return h('figure', null, h('h3', null, title), legend, chart, h('figcaption', null, reading));
}

/** The probability in figures and as the length of a bar. */
export function bar(kind: string, probability: number, text: Markup): Markup {
  const length = `${(100 * probability).toFixed(1)}%`;
  return h('span', { class: `bar ${kind}`, style: `--length:${length}` }, text);
}

/** Names what the colours of a chart stand for. */
export function legend(entries: readonly { kind: string; name: string }[]): Markup {
  return h(
    'p',
    { class: 'legend' },
    entries.map(({ kind, name }) => h('span', { class: kind }, name)),
  );
}
