/** `npm run build`: what the package holds, in dist/. A clone needs none of it. */
import { execFileSync } from 'node:child_process';
import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { compileModuleUrls, missingFiles } from './compiled-files.ts';

const root = path.join(import.meta.dirname, '..');
const dist = path.join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
compile('tsconfig.build.json', 'src', dist);
compile('tsconfig.client.json', path.join('clients', 'typescript'), path.join(dist, 'client'));

const problems = globSync('**/*.js', { cwd: dist }).flatMap((name) => {
  const file = path.join(dist, name);
  const code = readFileSync(file, 'utf8');
  const compiled = compileModuleUrls(code);
  if (compiled !== code) writeFileSync(file, compiled);
  return missingFiles(compiled, file).map((missing) => `dist/${name} names ${missing}, which is not there`);
});
if (problems.length > 0) {
  process.stderr.write(`${problems.join('\n')}\n`);
  process.exitCode = 1;
}

/** Compiles a folder, and copies what it holds beside code: declarations, generated JavaScript, protocols. */
function compile(project: string, source: string, target: string): void {
  const compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(process.execPath, [compiler, '-p', project], { cwd: root, stdio: 'inherit' });
  const isCompiled = (file: string) => file.endsWith('.ts') && !file.endsWith('.d.ts');
  cpSync(path.join(root, source), target, { recursive: true, filter: (file) => !isCompiled(file) });
}
