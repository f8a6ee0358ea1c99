/**
 * `npm run train:ready-head`: trains the head that ships with the program on the sample set, as `train` would, and puts it
 * into models/heads in place of the one that is there.
 */

import { cp, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { progressBar } from '../src/cli/progress-bar.ts';
import { readDataset } from '../src/datasets/dataset.ts';
import { loadEncoders } from '../src/encoders/encoders.ts';
import { HeadRegistry } from '../src/heads/registry/heads.ts';
import { writeReport } from '../src/reports/report.ts';
import { openStore } from '../src/store/store.ts';
import { fineTune } from '../src/training/fine-tune.ts';
import { buildSampleSet } from './build-sample-set.ts';

const models = fileURLToPath(new URL('../models/', import.meta.url));
const name = 'emoji';

const data = await mkdtemp(path.join(tmpdir(), 'ready-head-'));
try {
  const samples = path.join(data, name);
  await buildSampleSet(samples);
  await using store = await openStore({ data });
  const encoders = await loadEncoders({
    encoders: {
      image: [path.join(models, 'efficientnet-lite0-whole')],
      text: [path.join(models, 'all-MiniLM-L6-v2')],
    },
    provider: 'cpu',
    threads: availableParallelism(),
    engines: 'auto',
  });
  try {
    // Without the heads that ship, so that it is the first version.
    const { version, metrics, folder } = await fineTune(encoders, new HeadRegistry(store), {
      dataset: await readDataset(samples),
      head: name,
      seed: 0,
      testShare: 0.2,
      threads: availableParallelism(),
      search: true,
      writeReport,
      onProgress: progressBar(),
    });
    const target = path.join(models, 'heads', name, String(version));
    await rm(target, { recursive: true, force: true });
    await cp(folder, target, { recursive: true });
    process.stdout.write(`${JSON.stringify(metrics, null, 2)}\n${target}\n`);
  } finally {
    await encoders.close();
  }
} finally {
  await rm(data, { recursive: true });
}
