/** Asks the server in the same container whether it answers predictions: exit code 0 where it does. */
import { readSettings } from '../src/read-settings.ts';

const { port } = readSettings(['port'], {}, process.env);
const { ok } = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => ({ ok: false }));
process.exitCode = ok ? 0 : 1;
