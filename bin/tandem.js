#!/usr/bin/env node
/** Starts the command line from a clone, with any Node: one that cannot run TypeScript is told which version is required. */
import '../src/require-node.js';

import('../src/main.ts');
