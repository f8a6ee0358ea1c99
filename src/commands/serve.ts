import { Command } from 'commander';
import { encoderSettings, serverSettings } from '../config.ts';
import { product } from '../product.ts';
import type { HeadSummary } from '../server/services.ts';
import { endProcess } from './end-process.ts';
import { addSettings, example, settingsOf } from './options.ts';
import { print, printJson } from './output.ts';
import { type RunningServer, startServer } from './start-server.ts';

const allSettings = [...encoderSettings, ...serverSettings] as const;

export const serve = addSettings(
  new Command('serve')
    .summary('answer predictions and fine-tune over HTTP')
    .description('Serves predictions and fine-tunings over HTTP until it is stopped.')
    .option('--json', 'announce the start as one JSON object'),
  allSettings,
)
  .addHelpText('after', example('serve --port 8080'))
  .action(async (options, command: Command) => {
    const chosen = settingsOf(command, allSettings);
    // A signal while it starts waits until it has: ONNX Runtime crashes where the process ends while it loads a model.
    const stopped = new Promise<unknown>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM']) process.removeAllListeners(signal).once(signal, resolve);
    });
    const running = await startServer(chosen);
    const { heads } = await running.services.heads();
    if (options.json) {
      const { address, grpc, provider, store, batching } = running;
      printJson({ address, grpc, provider, store, batching, heads });
    } else announce(running, heads);
    void stopped.then(() => endProcess(() => running.close()));
  });

function announce({ address, grpc, provider, store, batching }: RunningServer, heads: HeadSummary[]): void {
  const names = heads
    .map(({ name, version, labels }) => `${name}@${version} (${labels.length} labels)`)
    .join(', ');
  print(`${product.name} ${product.version} answers at ${address}`);
  if (grpc) print(`gRPC: ${grpc}`);
  print(`provider: ${provider.provider} (${provider.reason})`);
  print(`data: metadata in ${store.metadata}, files in ${store.artifacts}`);
  const { engines, budgets, tuning } = batching;
  print(
    `engines: ${engines}, batches of up to ${budgets.image} pixels and ${budgets.text} tokens (${tuning ?? `usual; ${product.command} tune measures what suits this machine`})`,
  );
  print(`heads: ${names || 'none yet; POST /v1/jobs or the train command makes one'}`);
  if (heads.length === 0) return;
  print('try it:');
  print(`  curl ${address}/v1/predict -F head=${heads[0].name} -F text='a slice of pizza with cheese'`);
}
