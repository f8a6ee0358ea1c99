import { existsSync } from 'node:fs';
import path from 'node:path';

/**
 * Names the compiled file wherever code names a TypeScript file by its URL, as a worker thread or a child process is
 * started: tsc does so for imports only.
 * @example compileModuleUrls(`new Worker(new URL('./engine-worker.ts', import.meta.url))`) // … './engine-worker.js' …
 */
export function compileModuleUrls(code: string): string {
  return code.replace(/(new URL\(\s*'\.{1,2}\/[^'\n]*)\.ts('\s*,\s*import\.meta\.url)/g, '$1.js$2');
}

/**
 * The files that compiled code names, relative to its own, and that are not there: imports, URLs, paths below
 * `import.meta.dirname`, and whatever still ends in `.ts`.
 * @param file path of the code; the files are looked for beside it
 * @example missingFiles(`import './gone.js'`, 'dist/main.js') // ['./gone.js']
 */
export function missingFiles(code: string, file: string): string[] {
  const folder = path.dirname(file);
  const said = withoutComments(code);
  const named = [
    ...said.matchAll(/^(?:import|export|})[^'\n;]*'(\.{1,2}\/[^']*)'/gm),
    ...said.matchAll(/\bimport\('(\.{1,2}\/[^']*)'\)/g),
    ...said.matchAll(/new URL\(\s*'(\.[^']*)',\s*import\.meta\.url/g),
    ...said.matchAll(/import\.meta\.dirname,\s*'([^']*)'/g),
  ].map(([, name]) => name);
  const uncompiled = [...said.matchAll(/'([^'\n]*[^'.\n]\.ts)'/g)].map(([, name]) => name);
  const missing = named.filter((name) => !existsSync(path.join(folder, name)));
  return [...new Set([...missing, ...uncompiled])];
}

function withoutComments(code: string): string {
  return code.replace(/^\s*(?:\/\*[\s\S]*?\*\/|\/\/.*)/gm, '');
}
