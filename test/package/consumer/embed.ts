/** Trains, predicts and serves in this process, and prints what came of it and what the import changed. */
import type { Server, Tandem } from 'tandem';

const before = processWide();
const { openTandem, TandemError } = await import('tandem');
const changed = JSON.stringify(processWide()) !== JSON.stringify(before);

const codeOf = (error: unknown) => (error instanceof TandemError ? error.code : String(error));
// @ts-expect-error: a port is a number
const refused = await openTandem({ port: 'none' }).catch(codeOf);
// @ts-expect-error: there is no such setting
const unknown = await openTandem({ prot: 8080 }).catch(codeOf);

const tandem: Tandem = await openTandem({ data: 'embedded', logLevel: 'error' });
// What is relative was meant from where it was opened.
process.chdir('photos');
const stages = new Set<string>();
const trained = await tandem.train('.', {
  head: 'colours',
  search: false,
  onProgress: ({ stage }) => stages.add(stage),
});
process.chdir('..');
const { readFile } = await import('node:fs/promises');
const { results } = await tandem.predict([{ image: await readFile('photos/red/0.jpg') }], {
  head: 'colours',
});
const [prediction] = results;
const label = prediction instanceof TandemError ? prediction.code : prediction?.labels[0]?.label;
const { heads } = await tandem.heads.list();

const server: Server = await tandem.listen({ port: 0 });
const response = await fetch(`${server.address}/v1/heads`);
const served = (await response.json()) as { heads: { name: string }[] };
await tandem.close();
const closed = await tandem.heads.list().catch(codeOf);

console.log(
  JSON.stringify({
    ...{ changed, refused, unknown, label, closed },
    stages: [...stages],
    trained: `${trained.head}@${trained.version}`,
    listed: heads.map(({ name, version }) => `${name}@${version}`),
    served: served.heads.map(({ name }) => name),
  }),
);

function processWide(): unknown {
  const { env, title, exitCode } = process;
  // zod keeps a registry there, for all its copies.
  const globals = Object.keys(globalThis).filter((name) => !name.startsWith('__zod'));
  return { env: { ...env }, title, exitCode, cwd: process.cwd(), events: process.eventNames(), globals };
}
