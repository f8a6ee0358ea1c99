#!/usr/bin/env node
import './require-node.js';

// Not a static import: an older Node would fail to parse it before the check runs.
await import('./cli/command-line.ts');
