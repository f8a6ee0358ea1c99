import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { print, printJson } from '../../src/cli/output.ts';
import { readDataset } from '../../src/datasets/dataset.ts';
import { loadEncoders } from '../../src/encoders/encoders.ts';
import { HeadRegistry } from '../../src/heads/registry/heads.ts';
import { JobStore } from '../../src/jobs/job-store.ts';
import { SharedCheckpoints } from '../../src/jobs/shared-checkpoints.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { fineTune } from '../../src/training/fine-tune.ts';
import { CheckpointFolder, type WrittenCheckpoint } from '../../src/training/loop/checkpoints.ts';
import { startObjectStore } from '../../test/stores/object-store.ts';
import { makeJpegDataset } from '../job/images.ts';
import { count } from '../options.ts';
import { median } from '../statistics.ts';

const root = path.join(import.meta.dirname, '..', '..');

export const checkpoints = new Command('checkpoints')
  .summary('what the checkpoints of a job cost, in an object store')
  .description(
    'Trains a head as a job does, its checkpoints in an object store on this machine (moto), and times each upload (the objects and the row that names them) and the writing of a checkpoint of that size. An upload runs beside the training; the share is that of the time of the whole job, features included.',
  )
  .option('--examples <count>', 'images', count, 800)
  .option('--seconds <count>', 'seconds between two uploads', count, 10)
  .option('--threads <count>', 'threads of the training', count, 2)
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nExample:\n  npm run -s bench -- checkpoints --examples 200')
  .action(async ({ json, ...options }) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'bench-checkpoints-'));
    const objects = await startObjectStore();
    Object.assign(process.env, objects.environment);
    try {
      const measured = await measure(folder, objects.place, options);
      if (json) return printJson(measured);
      const { job, uploads, files, kilobytes, write } = measured;
      print(
        `a job of ${(job / 1000).toFixed(1)} s, ${files} checkpoints written, ${kilobytes} kB the median, ${write.toFixed(0)} ms each: ${((100 * files * write) / job).toFixed(2)} % of the job`,
      );
      print(
        `${uploads.length} uploads, ${median(uploads).toFixed(0)} ms the median, ${Math.max(...uploads).toFixed(0)} ms the longest, ${((100 * sum(uploads)) / job).toFixed(2)} % of the job`,
      );
    } finally {
      await objects.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

async function measure(
  folder: string,
  artifacts: string,
  { examples, seconds, threads }: { examples: number; seconds: number; threads: number },
) {
  const images = path.join(folder, 'images');
  await makeJpegDataset(images, examples, [320, 240]);
  const dataset = await readDataset(images);
  await using store = await openStore({ data: path.join(folder, 'data'), artifacts });
  const encoders = await loadEncoders({
    encoders: {
      image: [path.join(root, 'models', 'efficientnet-lite0-whole')],
      text: [path.join(root, 'models', 'all-MiniLM-L6-v2')],
    },
    ...{ provider: 'cpu', threads, engines: 1 },
  });
  const jobs = new JobStore(store.database);
  const job = { id: 'bench', kind: 'train', state: 'queued', head: 'bench', dataset: 'bench' } as const;
  const task = { work: { head: 'bench', seed: 0 }, reading: {}, source: { imported: 'bench' } };
  await jobs.add({ ...job, priority: 0, createdAt: '' }, task, 1, async () => {});
  const owner = (await jobs.take('bench', 'bench'))?.ownership;
  if (!owner) throw new Error('the job was not taken');
  const uploads: number[] = [];
  const sizes: Promise<number>[] = [];
  const checkpoints = path.join(folder, 'checkpoints');
  const shared = new SharedCheckpoints({
    ...{ ...timed(store, jobs, uploads), owner, seconds },
    folder: checkpoints,
    onLost(error) {
      throw error;
    },
  });
  const started = performance.now();
  try {
    await fineTune(encoders, new HeadRegistry(store), {
      ...{ dataset, head: 'bench', search: true, seed: 0, testShare: 0.2, threads, checkpoints },
      writeReport: async () => {},
      onCheckpoint(written: WrittenCheckpoint) {
        sizes.push(stat(written.file).then(({ size }) => size));
        shared.note(written);
      },
    });
  } finally {
    await encoders.close();
  }
  const milliseconds = performance.now() - started;
  const bytes = await Promise.all(sizes);
  const size = median(bytes);
  return {
    job: milliseconds,
    ...{ uploads, files: bytes.length, kilobytes: Math.round(size / 1000) },
    write: await timeOfWrite(path.join(folder, 'again'), size),
  };
}

/** Milliseconds, the median of nine, until a checkpoint of so many bytes is on this machine's disk. */
async function timeOfWrite(folder: string, bytes: number): Promise<number> {
  const kept = new CheckpointFolder(folder, {}).result<Float32Array>('again');
  const state = new Float32Array(bytes / 4).fill(1);
  const times: number[] = [];
  for (let time = 0; time < 9; time++) {
    const started = performance.now();
    await kept.write({}, state);
    times.push(performance.now() - started);
  }
  return median(times);
}

/** A store and its jobs that note how long an upload takes: from its objects to the row that names them. */
function timed(store: Store, jobs: JobStore, times: number[]): { store: Store; jobs: JobStore } {
  let began = 0;
  const replaced = <Target extends object>(target: Target, name: keyof Target, method: unknown): Target =>
    new Proxy(target, {
      get(_, asked) {
        const own: unknown = asked === name ? method : Reflect.get(target, asked);
        return typeof own === 'function' ? own.bind(target) : own;
      },
    });
  const add: Store['artifacts']['add'] = (files) => {
    began = performance.now();
    return store.artifacts.add(files);
  };
  const keepCheckpoint: JobStore['keepCheckpoint'] = async (...kept) => {
    const isOwner = await jobs.keepCheckpoint(...kept);
    times.push(performance.now() - began);
    return isOwner;
  };
  return {
    store: { ...store, artifacts: replaced(store.artifacts, 'add', add) },
    jobs: replaced(jobs, 'keepCheckpoint', keepCheckpoint),
  };
}
