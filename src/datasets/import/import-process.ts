/**
 * The process that an import or a dry run works in: whatever a file does to it, the server goes on answering. It is of
 * lower priority, so that predictions go first.
 */
import { constants, setPriority } from 'node:os';
import { failureOf } from '../../failure.ts';
import { storageError } from '../../store/storage-error.ts';
import { openStore } from '../../store/store.ts';
import { DatasetCatalogue } from '../catalogue.ts';
import { importDataset, tryImport } from './import.ts';
import type { ImportMessage, ImportOrder, ImportTrial } from './import-task.ts';

/** Milliseconds between two messages of progress. */
const progressInterval = 250;

/** Problems, labels, and characters of previewed content that a dry run answers with. */
const listed = 1000;

let isStoring = false;
let isLeft = false;

process.once('message', (order: ImportOrder) => {
  run(order)
    .catch((error): ImportMessage => ({ kind: 'failed', failure: failureOf(storageError(error) ?? error) }))
    .then((last) => {
      if (isLeft) process.exit(1);
      send(last, () => process.exit(0));
    });
});
// Nobody waits any more. What is stored so far is released first; there is a limit to how long that may take.
process.on('disconnect', () => {
  isLeft = true;
  if (!isStoring) process.exit(1);
});
// A terminal, or a service manager, signals the whole group: it is the server that ends an import.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
setPriority(constants.priority.PRIORITY_BELOW_NORMAL);

async function run({ source, options, scratch: workspace, keep }: ImportOrder): Promise<ImportMessage> {
  let told = 0;
  const importOptions = {
    ...options,
    workspace,
    onProgress(progress: Extract<ImportMessage, { kind: 'progress' }>['progress']) {
      isStoring ||= progress.stage === 'storing';
      if (isLeft) throw new Error('nobody waits for the import any more');
      if (Date.now() - told < progressInterval) return;
      told = Date.now();
      send({ kind: 'progress', progress });
    },
  };
  if (!keep) {
    const { dataset: _, ...check } = await tryImport(source, importOptions);
    return { kind: 'tried', trial: abridge(check) };
  }
  await using store = await openStore(keep.store);
  const { importing } = keep;
  const catalogue = new DatasetCatalogue(store);
  return { kind: 'imported', ...(await importDataset(catalogue, source, { ...importOptions, importing })) };
}

/** So that what is sent and answered stays small, whatever was found. */
function abridge({ problems, leftOut, counts, preview, ...check }: ImportTrial): ImportTrial {
  return {
    ...check,
    problems: problems.slice(0, listed),
    leftOut: leftOut.slice(0, listed),
    counts: { ...counts, labels: counts.labels.slice(0, listed) },
    preview: preview.map(({ content, ...example }) => ({
      ...example,
      content: Object.fromEntries(
        Object.entries(content).map(([modality, shown]) => [modality, shown.slice(0, listed)]),
      ),
    })),
  };
}

function send(message: ImportMessage, sent = () => {}): void {
  if (process.connected) process.send?.(message, sent);
  else sent();
}
