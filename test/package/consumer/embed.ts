/** Runs a server in this process, and prints what it answers and what its import changed. */
const before = processWide();
const { startServer, TandemError } = await import('tandem');
const changed = JSON.stringify(processWide()) !== JSON.stringify(before);

const refused = await startServer({ port: 'none' }).catch((error: unknown) =>
  error instanceof TandemError ? error.code : String(error),
);
const server = await startServer({ data: 'embedded', port: '0', 'log-level': 'error' });
const response = await fetch(`${server.address}/v1/heads`);
console.log(JSON.stringify({ changed, refused, heads: await response.json() }));
await server.close();

function processWide(): unknown {
  const { env, title, exitCode } = process;
  // zod keeps a registry there, for all its copies.
  const globals = Object.keys(globalThis).filter((name) => !name.startsWith('__zod'));
  return { env: { ...env }, title, exitCode, cwd: process.cwd(), events: process.eventNames(), globals };
}

export {};
