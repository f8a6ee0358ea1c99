import { availableParallelism } from 'node:os';
import path from 'node:path';
import { Command, Option } from 'commander';
import { print, printJson, table } from '../../src/cli/output.ts';
import { type EncoderOptions, type Encoders, loadEncoders } from '../../src/encoders/encoders.ts';
import { type Head, loadHead } from '../../src/heads/head.ts';
import { readSettings } from '../../src/read-settings.ts';
import { Engine } from '../../src/runtime/engine.ts';
import { count, counts } from '../options.ts';
import { deviceName, roundsFactors } from './device.ts';
import {
  comparePredictions,
  type PredictionAgreement,
  type PredictionSpeed,
  prepare,
  timeMixedSizes,
  timePredictions,
} from './predictions.ts';
import { compareTraining, type TrainingSpeed, workloads } from './training.ts';

/**
 * Most that a device may differ from the CPU: of a feature, relative; of a probability; of a trained parameter. TF32 keeps
 * 10 bits of a factor.
 */
const tolerances = { float32: 1e-3, tf32: 5e-3 };

export const gpu = new Command('gpu')
  .summary('predictions and training steps a second on a CUDA device, and agreement with the CPU')
  .description(
    'Times encoders and a head on batches, and training steps through the same graphs, and compares what the device computes with what the CPU does. Without a CUDA device it says so and ends well; --provider cpu shows that it works.',
  )
  .addOption(new Option('--provider <provider>').choices(['cuda', 'cpu']).default('cuda'))
  .option('--batches <counts>', 'items of a batch', counts, [1, 2, 4, 8, 16, 32, 64, 128, 256])
  .option('--seconds <count>', 'seconds for each batch', count, 2)
  .option('--steps <count>', 'steps of a timed training', count, 300)
  .option('--threads <count>', 'threads of the CPU', count, availableParallelism())
  .option('--json', 'print one JSON object')
  .addHelpText(
    'after',
    '\nExample:\n  NVIDIA_TF32_OVERRIDE=0 npm run -s bench -- gpu   # without the rounding to TF32',
  )
  .action(async ({ provider, batches, seconds, steps, threads, json }) => {
    const { models } = readSettings(['models'], {}, process.env);
    const common = {
      models,
      encoders: {
        image: [path.join(models, 'efficientnet-lite0-whole')],
        text: [path.join(models, 'all-MiniLM-L6-v2')],
      } satisfies EncoderOptions['encoders'],
      threads,
      engines: 1,
    };
    const device = await open({ ...common, provider: provider === 'cuda' ? 'auto' : 'cpu' });
    const { encoders, head } = device;
    try {
      if (encoders.provider.provider !== provider) {
        print(`skipped: no CUDA device (${encoders.provider.reason})`);
        return;
      }
      const name = await deviceName(provider);
      const prepared = await prepare(encoders, Math.max(64, ...batches));
      const predictions: PredictionSpeed[] = [];
      for (const batch of batches)
        predictions.push(await timePredictions(encoders, head, prepared, { batch, seconds }));
      const mixedImages = await timeMixedSizes(encoders, prepared, seconds);
      const cpu = await open({ ...common, provider: 'cpu' });
      const few = { pixels: prepared.pixels.slice(0, 64), tokens: prepared.tokens.slice(0, 64) };
      const agreement = await comparePredictions(device, cpu, few).finally(cpu.close);
      const training: TrainingSpeed[] = [];
      for (const workload of workloads)
        training.push(await compareTraining({ provider, threads }, workload, steps));
      const tolerance = roundsFactors ? tolerances.tf32 : tolerances.float32;
      const agrees = isWithin(tolerance, agreement, training);
      if (json)
        printJson({ provider, name, roundsFactors, predictions, mixedImages, agreement, training, agrees });
      else report({ provider, name, roundsFactors, predictions, mixedImages, agreement, training });
      if (!agrees) {
        process.stderr.write(`the device differs from the CPU by more than ${tolerance}\n`);
        process.exitCode = 1;
      }
    } finally {
      await device.close();
    }
  });

async function open({
  models,
  ...options
}: EncoderOptions & {
  models: string;
}): Promise<{ encoders: Encoders; head: Head; close(): Promise<void> }> {
  const encoders = await loadEncoders(options);
  const engine = Engine.start({ provider: encoders.provider.provider, threads: 1 });
  const head = await loadHead(engine, { folder: path.join(models, 'heads/emoji/1') }, encoders);
  const close = async () => {
    await Promise.all([engine.close(), encoders.close()]);
  };
  return { encoders, head, close };
}

function isWithin(
  tolerance: number,
  { features, probabilities }: PredictionAgreement,
  training: TrainingSpeed[],
): boolean {
  const differences = training.map(({ difference }) => difference);
  return [features.image, features.text, probabilities, ...differences].every((each) => each <= tolerance);
}

function report({
  provider,
  name,
  roundsFactors,
  predictions,
  mixedImages,
  agreement,
  training,
}: {
  provider: string;
  name: string;
  roundsFactors: boolean;
  predictions: PredictionSpeed[];
  mixedImages: number;
  agreement: PredictionAgreement;
  training: TrainingSpeed[];
}): void {
  print(`${provider}: ${name}${provider === 'cuda' ? `, TF32 ${roundsFactors ? 'allowed' : 'off'}` : ''}`);
  print(
    table([
      ['batch', 'predictions/s', 'pictures/s', 'texts/s', 'answers/s', 'first images, ms', 'device, MiB'],
      ...predictions.map((speed) => [
        String(speed.batch),
        ...[speed.predictions, speed.images, speed.texts, speed.answers, speed.firstRun].map((each) =>
          each.toFixed(0),
        ),
        speed.deviceMemory?.toFixed(0) ?? '',
      ]),
    ]),
  );
  print(
    table([
      ['labels', 'batch', 'steps/s', 'CPU, steps/s', 'MB copied a run', 'largest difference'],
      ...training.map((speed) => [
        String(speed.classes),
        String(speed.batchSize),
        speed.stepsPerSecond.toFixed(0),
        speed.cpuStepsPerSecond.toFixed(0),
        speed.copiedMegabytes.toFixed(1),
        speed.difference.toExponential(1),
      ]),
    ]),
  );
  print(`images/s where batches of 1 to 64 follow each other: ${mixedImages.toFixed(0)}`);
  const { image, text } = agreement.features;
  print(
    `largest differences from the CPU: ${image.toExponential(1)} of an image's features, ${text.toExponential(1)} of a text's, ${agreement.probabilities.toExponential(1)} of a probability`,
  );
}
