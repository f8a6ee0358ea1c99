import { createRequire } from 'node:module';

const packageJson: { name: string; version: string } = createRequire(import.meta.url)('../package.json');
const isCompiled = import.meta.url.endsWith('.js');

/** The product's name stands here and in package.json, and nowhere else in the code. */
export const product = {
  name: 'Tandem',
  command: packageJson.name,
  version: packageJson.version,
  /** What people type before a command's name: the package is compiled, a clone is not. */
  invocation: isCompiled ? `npx ${packageJson.name}` : `npm run -s ${packageJson.name} --`,
} as const;
