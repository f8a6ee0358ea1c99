import { createRequire } from 'node:module';

const { name, version }: { name: string; version: string } = createRequire(import.meta.url)(
  '../package.json',
);

/** The product's name stands here and in package.json, and nowhere else in the code. */
export const product = {
  name: 'Tandem',
  command: name,
  version,
  /** What a person types before the name of a command, as messages and help texts show it. */
  invocation: invocation(),
} as const;

/** The package is compiled, a clone is run by npm, and an image has the command itself. */
function invocation(): string {
  if (import.meta.url.endsWith('.js')) return `npx ${name}`;
  return process.env.npm_command === undefined ? name : `npm run -s ${name} --`;
}
