/** Writes the types of the API for clients in TypeScript, from the description that the server gives of itself. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { apiRoutes } from '../src/protocols/app.ts';
import { describeApi } from '../src/protocols/http/openapi.ts';
import { Metrics } from '../src/protocols/pipeline/metrics.ts';
import type { Services } from '../src/protocols/pipeline/services.ts';

const usual = path.join(import.meta.dirname, '..', 'clients', 'typescript', 'api.d.ts');
const { values } = parseArgs({ options: { output: { type: 'string', default: usual } } });

// Nothing is asked of the services while the routes are described.
const routes = apiRoutes({} as Services, {
  logger: pino({ level: 'silent' }),
  metrics: new Metrics(),
  defaultHead: 'emoji',
  uploadFolder: tmpdir(),
  requestTimeout: 30_000,
  maximumRequestBytes: 2 ** 20,
  maximumUploadBytes: 2 ** 20,
});
const folder = mkdtempSync(path.join(tmpdir(), 'openapi-'));
try {
  const description = path.join(folder, 'openapi.json');
  writeFileSync(description, JSON.stringify(describeApi(routes, { keyless: true })));
  // It builds on a TypeScript that has an interface for programs, which version 7 has not.
  const packages = ['--package=typescript@5.9.3', '--package=openapi-typescript@7.13.0'];
  execFileSync(
    'npm',
    ['exec', '--yes', ...packages, '--', 'openapi-typescript', description, '-o', values.output],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
} finally {
  rmSync(folder, { recursive: true });
}
