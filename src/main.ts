#!/usr/bin/env node
import './require-node.js';

// No static imports: an older Node would fail to parse them before the check runs.
const { keepCompiled } = await import('./compile-cache.ts');
keepCompiled();
await import('./cli/command-line.ts');
