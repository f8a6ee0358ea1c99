#!/usr/bin/env node
import { Command } from 'commander';
import { checkpoints } from './checkpoints/command.ts';
import { encoders } from './encoders/command.ts';
import { gpu } from './gpu/command.ts';
import { ingest } from './ingest/command.ts';
import { job } from './job/command.ts';
import { novelty } from './novelty/command.ts';
import { quality } from './quality/command.ts';
import { scale } from './scale/command.ts';
import { score } from './score/command.ts';
import { serve } from './serve/command.ts';
import { duringJob } from './serve/during-job.ts';
import { heads } from './serve/heads.ts';
import { tunedHeads } from './serve/tuned-heads.ts';
import { soak } from './soak/command.ts';
import { texts } from './texts/command.ts';
import { training } from './training/command.ts';
import { tune } from './tune/command.ts';

await new Command('bench')
  .description(
    'Measures Tandem against what a person would otherwise use. bench/README.md tells how to read it.',
  )
  .addCommand(training)
  .addCommand(tune)
  .addCommand(quality)
  .addCommand(novelty)
  .addCommand(scale)
  .addCommand(job)
  .addCommand(ingest)
  .addCommand(texts)
  .addCommand(serve)
  .addCommand(score)
  .addCommand(encoders)
  .addCommand(soak)
  .addCommand(heads)
  .addCommand(tunedHeads)
  .addCommand(duringJob)
  .addCommand(gpu)
  .addCommand(checkpoints)
  .addHelpText('after', '\nExample:\n  npm run -s bench -- training --quick')
  .showHelpAfterError('(--help shows what is possible)')
  .parseAsync();
