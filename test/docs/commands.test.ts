import { expect, it } from 'vitest';
import { readPage, repositoryFiles } from './page.ts';
import { follow } from './reader.ts';

const files = await repositoryFiles();
const names = ['README.md', 'CONTRIBUTING.md', ...files.filter((file) => /^docs\/.*\.md$/.test(file))];
const pages = await Promise.all(names.map(readPage));
const blocks = pages.flatMap(({ path, blocks }) =>
  blocks.map((block) => ({ ...block, at: `${path}:${block.line}` })),
);

// The longest page first; two at a time, because much of what they wait for is one process that starts.
const followed = pages
  .filter(({ blocks }) => blocks.some(({ language }) => language === 'sh'))
  .toSorted((a, b) => Number(b.path.endsWith('started.md')) - Number(a.path.endsWith('started.md')));
it.concurrent.for(followed)('does every command of $path', async (page, { expect, onTestFinished }) => {
  const { code, output } = await follow(page, { onTestFinished });
  expect(code, output.slice(-4000)).toBe(0);
});

it('leaves a command out only where another suite runs it, or a machine would have to be had', async () => {
  const reasons = blocks.flatMap(({ at, exception }) => (exception ? [{ at, exception }] : []));
  const suites = new Set<string>();
  const others = reasons.filter(({ exception }) => {
    const suite = /^run by (\S+)$/.exec(exception)?.[1];
    if (suite) suites.add(suite);
    return suite === undefined && !/^not run: needs \S+/.test(exception);
  });
  expect(others).toEqual([]);
  expect([...suites].filter((suite) => !files.includes(suite))).toEqual([]);
  expect(reasons.filter(({ exception }) => exception.startsWith('not run')).length).toBeLessThanOrEqual(4);
});

it('shows answers in JSON that is JSON', () => {
  const broken = blocks.filter(({ language, file, text }) => {
    if (language !== 'json' || file !== undefined) return false;
    try {
      JSON.parse(text);
      return false;
    } catch {
      return true;
    }
  });
  expect(broken.map(({ at }) => at)).toEqual([]);
});

it('sees every fenced block', () => {
  for (const { path, text, blocks } of pages)
    expect(blocks.length, path).toBe([...text.matchAll(/^\s*```\S/gm)].length);
});
