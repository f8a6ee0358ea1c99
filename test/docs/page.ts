import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import GithubSlugger from 'github-slugger';
import { lexer, type Token, type Tokens, walkTokens } from 'marked';

export const root = path.join(import.meta.dirname, '..', '..');

/** A fenced block of a page. */
export interface Block {
  /** `sh`, `csv`, `json`, ... */
  language: string;
  /** What follows the language: the file that the block is the content of. */
  file?: string;
  text: string;
  /** Line of the page where it begins, from 1. */
  line: number;
  /** What the comment before it says of its not being run here. */
  exception?: string;
}

export interface Page {
  /** Relative to the repository. */
  path: string;
  text: string;
  blocks: Block[];
  /** Everything that it points to: links, images, sources of images. */
  links: string[];
  /** Fragments that lead to its headings. */
  anchors: Set<string>;
  /** The code spans of its sentences and tables. */
  spans: string[];
}

/** Every file that git keeps or would keep, relative to the repository. */
export async function repositoryFiles(): Promise<string[]> {
  const listed = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const { stdout } = await promisify(execFile)('git', listed, { cwd: root, maxBuffer: 2 ** 24 });
  return stdout.split('\0').filter(Boolean);
}

/** @param name path of a Markdown file, relative to the repository */
export async function readPage(name: string): Promise<Page> {
  const text = await readFile(path.join(root, name), 'utf8');
  const tokens = lexer(text);
  const slugger = new GithubSlugger();
  const page: Page = { path: name, text, blocks: [], links: [], anchors: new Set(), spans: [] };
  walkTokens(tokens, (token) => {
    if (token.type === 'link' || token.type === 'image') page.links.push(token.href);
    else if (token.type === 'html') page.links.push(...linksOfMarkup(token.text));
    else if (token.type === 'codespan') page.spans.push(token.text);
    else if (token.type === 'heading') page.anchors.add(slugger.slug(plainText(token.tokens ?? [])));
  });
  let line = 1;
  let before: Token | undefined;
  for (const token of tokens) {
    if (token.type === 'code') page.blocks.push(blockOf(token as Tokens.Code, line, before));
    if (token.type !== 'space') before = token;
    line += token.raw.split('\n').length - 1;
  }
  return page;
}

function blockOf({ lang = '', text }: Tokens.Code, line: number, before: Token | undefined): Block {
  const [language = '', file] = lang.split(' ');
  const exception = before?.type === 'html' ? /^<!-- (.+) -->\s*$/.exec(before.raw)?.[1] : undefined;
  return { language, text, line, ...(file && { file }), ...(exception && { exception }) };
}

function linksOfMarkup(markup: string): string[] {
  return [...markup.matchAll(/\b(?:href|src|srcset)="([^"]*)"/g)].map(([, link = '']) => link);
}

function plainText(tokens: readonly Token[]): string {
  return tokens
    .map((token) =>
      'tokens' in token && token.tokens ? plainText(token.tokens) : 'text' in token ? token.text : '',
    )
    .join('');
}
