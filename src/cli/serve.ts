import { Command } from '@commander-js/extra-typings';
import { openTandem } from '../app/open-tandem.ts';
import type { Server } from '../app/tandem.ts';
import { encoderSettings, serverSettings } from '../config.ts';
import { product } from '../product.ts';
import type { HeadSummary } from '../protocols/pipeline/services.ts';
import { completeSettings } from '../read-settings.ts';
import { endProcess } from './end-process.ts';
import { addSettings, example, settingsOf } from './options.ts';
import { describeBudgets, print, printJson } from './output.ts';
import { progressBar } from './progress-bar.ts';

const allSettings = [...encoderSettings, ...serverSettings] as const;

export const serve = addSettings(
  new Command('serve')
    .summary('answer predictions and fine-tune over HTTP')
    .description('Serves predictions and fine-tunings over HTTP until it is stopped.')
    .option('--json', 'announce the start as one JSON object'),
  allSettings,
)
  .addHelpText('after', example('serve --port 8080'))
  .action(async ({ json }, called) => {
    const settings = completeSettings(settingsOf(called, allSettings));
    const stopped = stopSignal();
    const tandem = await openTandem(settings, { onDownload: progressBar() });
    const server = await tandem.listen().catch(async (error) => {
      await tandem.close();
      throw error;
    });
    const { heads } = await tandem.heads.latest();
    if (json) {
      const { address, grpc, needsKey, provider, store, batching } = server;
      printJson({ address, grpc, needsKey, provider, store, batching, heads });
    } else announce(server, heads);
    void stopped.then((signal) =>
      endProcess((delay) => tandem.close(delay), signal === 'SIGTERM' ? settings['drain-delay'] : 0),
    );
  });

/** npm passes on a Ctrl-C that the terminal has sent to the server already: no sooner is a signal another one. Milliseconds. */
const sameSignal = 1000;

/**
 * The first signal to stop. It waits until the server has started: ONNX Runtime crashes where the process ends while it
 * loads a model. Another one ends the process at once.
 */
function stopSignal(): Promise<NodeJS.Signals> {
  let first: number | undefined;
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.removeAllListeners(signal).on(signal, () => {
        const now = performance.now();
        first ??= now;
        if (now - first > sameSignal) process.kill(process.pid, 'SIGKILL');
        resolve(signal);
      });
  });
}

function announce(server: Server, heads: HeadSummary[]): void {
  const { address, grpc, needsKey, provider, store, batching } = server;
  const names = heads
    .map(({ name, version, labels }) => `${name}@${version} (${labels.length} labels)`)
    .join(', ');
  print(`${product.name} ${product.version} answers at ${address}`);
  if (grpc) print(`gRPC: ${grpc}`);
  print(`provider: ${provider.provider} (${provider.reason})`);
  print(`data: metadata in ${store.metadata}, files in ${store.artifacts}`);
  const { engines, budgets, tuning } = batching;
  print(
    `engines: ${engines}, batches of up to ${describeBudgets(budgets)} (${tuning ?? `usual; ${product.invocation} tune measures what suits this machine`})`,
  );
  print(`heads: ${names || 'none yet; POST /v1/jobs or the train command makes one'}`);
  const [head] = heads;
  if (!head) return;
  print('try it:');
  const key = needsKey ? ' -H "Authorization: Bearer $TANDEM_KEY"' : '';
  print(`  curl ${address}/v1/predict${key} -F head=${head.name} -F text='a slice of pizza with cheese'`);
  if (needsKey) print(`  (TANDEM_KEY is the secret of a key: ${product.invocation} keys create me)`);
}
