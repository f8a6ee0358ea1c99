/**
 * Ends the process with one line where Node is older than package.json's `engines` say. Any Node must be able to read
 * this file, so it is JavaScript, and it comes before everything that needs a newer one.
 */
import fs from 'node:fs';

const { name, engines } = JSON.parse(fs.readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const required = Number.parseInt(engines.node.replace('>=', ''), 10);
if (Number.parseInt(process.versions.node, 10) < required) {
  process.stderr.write(
    `${name} requires Node ${required} or newer; this is Node ${process.versions.node} (${process.execPath})\n`,
  );
  process.exit(1);
}
