import { Command } from '@commander-js/extra-typings';
import { encoderOptions } from '../app/encoder-settings.ts';
import { thisMachine, tuningFile, writeTuning } from '../app/tuning-file.ts';
import { encoderSettings } from '../config.ts';
import { tune as measure, type TuningMeasurement } from '../encoders/tuning.ts';
import { itemAt } from '../indexing.ts';
import { pretrainedModalities } from '../modalities/registry.ts';
import { product } from '../product.ts';
import { addSettings, example, numberOption, settingsOf } from './options.ts';
import { describeBudgets, print, printJson, table } from './output.ts';
import { progressBar } from './progress-bar.ts';

export const tune = addSettings(
  new Command('tune')
    .summary('measure how many engines and which batches suit this machine')
    .description(
      'Encodes for some seconds with different numbers of engines and sizes of batches, and writes what was fastest to tuning.json in the data folder. serve takes it from there wherever its settings say auto.',
    )
    .option('--milliseconds <count>', 'length of each measurement', numberOption(50, 60_000), 400)
    .option('--json', 'print one JSON object'),
  encoderSettings,
)
  .addHelpText('after', example(`tune && ${product.invocation} serve`))
  .action(async ({ milliseconds, json }, command) => {
    const chosen = settingsOf(command, encoderSettings);
    const bar = progressBar();
    const options = await encoderOptions(chosen, bar);
    const tuning = await measure(options, {
      milliseconds,
      onProgress: (done, total) => bar({ stage: 'measuring', done, total }),
    });
    const { engines, budgets, measurements } = tuning;
    await writeTuning(chosen.data, {
      format: 1,
      machine: thisMachine(options),
      measuredAt: new Date().toISOString(),
      engines,
      budgets,
      measurements: measurements.map((measurement) => ({ ...measurement })),
    });
    if (json) {
      printJson({ file: tuningFile(chosen.data), ...tuning });
      return;
    }
    print(
      table([
        ['engines', 'batch', ...pretrainedModalities.map(({ name }) => `${name}s/s`)],
        ...rows(measurements),
      ]),
    );
    print(
      `${engines} engines, batches of up to ${describeBudgets(budgets)}: written to ${tuningFile(chosen.data)}`,
    );
  });

function rows(measurements: readonly TuningMeasurement[]): string[][] {
  const groups = Map.groupBy(measurements, ({ engines, items }) => `${engines} ${items}`);
  return [...groups.values()].map((group) => {
    const rate = (modality: string) =>
      group.find((one) => one.modality === modality)?.itemsPerSecond.toFixed(0) ?? '';
    const { engines, items } = itemAt(group, 0);
    return [...[String(engines), String(items)], ...pretrainedModalities.map(({ name }) => rate(name))];
  });
}
