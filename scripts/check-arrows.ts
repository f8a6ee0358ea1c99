import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/**
 * Checks that arrows point down only: `node scripts/check-arrows.ts [folder]`. A file imports from its own room and from
 * those below it; this list has them from top to bottom, a longer path being a room, or a file, within a room.
 * ARCHITECTURE.md says what each is for.
 */
const rooms = [
  'main.ts',
  'index.ts',
  'cli',
  'app',
  'protocols',
  'protocols/studio',
  'protocols/openai',
  'protocols/rest',
  'protocols/open-inference',
  'protocols/http',
  'protocols/pipeline',
  'jobs',
  'reports',
  'training',
  'training/search',
  'training/zero-shot',
  'training/loop',
  'training/features',
  'evaluation',
  'scoring',
  'heads',
  'heads/registry',
  'datasets/import',
  'datasets',
  'datasets/upload',
  'datasets/split',
  'datasets/check',
  'datasets/read',
  'datasets/example.ts',
  'targets',
  'encoders',
  'modalities',
  'modalities/content-counts.ts',
  'modalities/content.ts',
  'modalities/content-columns.ts',
  'modalities/registry.ts',
  'modalities/table',
  'modalities/text',
  'modalities/image',
  'modalities/modality.ts',
  'modalities/file-cell.ts',
  'modalities/batch-shapes.ts',
  'arl',
  'graph',
  'graph/in-parts.ts',
  'graph/optimizer.ts',
  'graph/emit.ts',
  'graph/infer-shapes.ts',
  'graph/shapes',
  'graph/differentiate.ts',
  'graph/gradients.ts',
  'graph/gradients',
  'graph/operations/loss.ts',
  'graph/operations/normalization.ts',
  'graph/operations',
  'graph/attributes.ts',
  'graph/shape.ts',
  'graph/value.ts',
  'graph/onnx',
  'runtime',
  'store',
  'store/artifacts',
  'store/database',
  'store/files',
  'store/storage-error.ts',
  'remote',
  '.',
];

const src = path.resolve(process.argv[2] ?? 'src');

function roomOf(file: string): string {
  const own = rooms.filter((room) => file === room || file.startsWith(`${room}/`));
  return own.sort((a, b) => b.length - a.length)[0] ?? (file.includes('/') ? '' : '.');
}

async function* imports(): AsyncGenerator<{ file: string; target: string }> {
  for (const entry of await readdir(src, { recursive: true, withFileTypes: true })) {
    if (!/\.(ts|js)$/.test(entry.name)) continue;
    const file = path.relative(src, path.join(entry.parentPath, entry.name));
    const text = await readFile(path.join(src, file), 'utf8');
    for (const [, specifier = ''] of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
      const target = path.join(path.dirname(file), specifier);
      if (!target.startsWith('..')) yield { file, target };
    }
  }
}

let checked = 0;
const complaints: string[] = [];
for await (const { file, target } of imports()) {
  checked++;
  const [own, other] = [roomOf(file), roomOf(target)];
  if (own === '' || other === '')
    complaints.push(`src/${own === '' ? file : target} is in no room of the list`);
  else if (rooms.indexOf(other) < rooms.indexOf(own))
    complaints.push(`src/${file} imports src/${target}, but ${other} lies above ${own}`);
}
if (checked === 0) complaints.push(`${src} has no file that imports another`);
for (const complaint of new Set(complaints)) console.error(complaint);
if (complaints.length > 0) {
  console.error('Arrows point down only: move what both need below them, or hand it over as an argument.');
  process.exitCode = 1;
}
