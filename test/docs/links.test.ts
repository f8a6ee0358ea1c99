import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Page, readPage, repositoryFiles, root } from './page.ts';

const files = await repositoryFiles();
const names = files.filter((file) => file.endsWith('.md'));

const pages = new Map<string, Page>();
beforeAll(async () => {
  for (const name of names) pages.set(name, await readPage(name));
});

/** Whether a file or folder is in the repository. */
function exists(name: string): boolean {
  const plain = name.replace(/\/$/, '');
  return files.some((file) => file === plain || file.startsWith(`${plain}/`));
}

describe.each(names)('%s', (name) => {
  it('links to files, folders and headings that exist', () => {
    const { links } = pages.get(name)!;
    const broken = links.filter((link) => {
      if (/^(https?|mailto):/.test(link)) return false;
      const [target = '', anchor] = link.split('#');
      const file = target === '' ? name : path.join(path.dirname(name), decodeURI(target));
      if (!exists(file)) return true;
      return anchor !== undefined && !pages.get(file)?.anchors.has(anchor);
    });
    expect(broken).toEqual([]);
  });

  it('names files and npm scripts that exist', async () => {
    const { spans, blocks } = pages.get(name)!;
    const { scripts } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
    const missing = spans.filter((span) => /^[\w./@-]+$/.test(span) && isOurs(span) && !isThere(span));
    const commands = [...spans, ...blocks.map(({ text }) => text)].join('\n');
    const unknown = [...commands.matchAll(/npm run (?:-s )?([\w:-]+)/g)].flatMap(([, script = '']) =>
      script in scripts ? [] : [`npm run ${script}`],
    );
    expect([...missing, ...unknown]).toEqual([]);
  });
});

/** Whether a code span is the name of a file or folder of the repository, and not one of a reader's. */
function isOurs(span: string): boolean {
  if (/\w\.(ts|py|proto)$/.test(span)) return true;
  const [first = '', ...rest] = span.split('/');
  return rest.length > 0 && exists(first);
}

/** Rooms and files of src are named without it, and a file that is spoken of by its name alone. */
function isThere(span: string): boolean {
  return exists(span) || exists(`src/${span}`) || files.some((file) => file.endsWith(`/${span}`));
}

it('names options, settings and metrics that exist', async () => {
  const sources = files.filter((file) => /^(src|scripts|bench)\/.*\.ts$/.test(file));
  const code = (await Promise.all(sources.map((file) => readFile(path.join(root, file), 'utf8')))).join('\n');
  const documents = [...pages.values()].filter(({ path }) => /^(docs\/|[A-Z]+\.md$)/.test(path));
  const spans = documents.flatMap(({ spans }) => spans).filter((span) => !span.startsWith('docker '));
  const named = (pattern: RegExp) =>
    spans.flatMap((span) => [...span.matchAll(pattern)].map(([, name = '']) => name));
  // Docker's own.
  const options = named(/(?<![\w-])--([a-z][a-z-]+)/g).filter((name) => !['init', 'gpus'].includes(name));
  const variables = named(/\bTANDEM_([A-Z_]+)/g).map((name) => name.toLowerCase().replaceAll('_', '-'));
  const metrics = named(/^tandem_([a-z_]+)$/g);
  expect(options.length).toBeGreaterThan(40);
  expect(metrics.length).toBeGreaterThan(8);
  const isDefined = (name: string) =>
    code.includes(`'${name}'`) || new RegExp(`(--|^ *)${name}(?![\\w-])`, 'm').test(code);
  expect([...options, ...variables, ...metrics].filter((name) => !isDefined(name))).toEqual([]);
});

it('has a README of fewer than 700 words, code apart', () => {
  const prose = pages
    .get('README.md')!
    .text.replaceAll(/^```[\s\S]*?^```/gm, '')
    .replaceAll(/<[^>]+>/g, '');
  expect(prose.split(/\s+/).filter((word) => /\w/.test(word)).length).toBeLessThan(700);
});

it('reaches every page of docs from the README', () => {
  const { links } = pages.get('README.md')!;
  expect(names.filter((name) => name.startsWith('docs/') && !links.includes(name))).toEqual([]);
});
