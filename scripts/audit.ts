/** Asks the registry for known weaknesses of what is shipped; fails where one is high or critical. */
import { spawnSync } from 'node:child_process';

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8' });
const { metadata, vulnerabilities, message, error } = JSON.parse(stdout || '{}');
if (!metadata) {
  console.log(`skipped: the registry answers no audits (${message ?? error?.summary ?? 'no answer'})`);
} else {
  const { high, critical } = metadata.vulnerabilities;
  for (const [name, { severity }] of Object.entries<{ severity: string }>(vulnerabilities))
    console.log(`${name}: ${severity}`);
  console.log(`${high + critical} high or critical in ${metadata.dependencies.prod} packages`);
  process.exitCode = high + critical > 0 ? 1 : 0;
}
