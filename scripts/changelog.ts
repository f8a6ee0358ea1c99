const unreleased = '## [Unreleased]';

/**
 * Turns the Unreleased section of a changelog into a version's, and puts an empty one above it (keepachangelog.com, 1.1).
 * Headings under which nothing stands are left out.
 * @param version without a leading "v", such as "0.2.0"
 * @param date as YYYY-MM-DD
 * @throws Error where the section is missing or lists no change
 * @example writeFileSync('CHANGELOG.md', releaseUnreleased(text, '0.2.0', '2026-11-26'));
 */
export function releaseUnreleased(changelog: string, version: string, date: string): string {
  const [before, rest] = splitAt(changelog, changelog.indexOf(`${unreleased}\n`));
  if (rest === '') throw new Error(`the changelog has no section "${unreleased}"`);
  const [section, after] = splitAt(rest, rest.indexOf('\n## ', unreleased.length));
  const groups = section
    .slice(unreleased.length)
    .split(/^(?=### )/m)
    .map((group) => group.trim())
    .filter((group) => /^- /m.test(group));
  if (groups.length === 0) throw new Error('the Unreleased section of the changelog lists no change');
  return `${before}${unreleased}\n\n## [${version}] - ${date}\n\n${groups.join('\n\n')}\n${after}`;
}

/** Both parts of a text. Where the index is -1, the second is empty. */
function splitAt(text: string, index: number): [string, string] {
  const at = index === -1 ? text.length : index;
  return [text.slice(0, at), text.slice(at)];
}
