import { product } from '../../product.ts';
import type { HeadManifest } from '../manifest.ts';
import type { OneModel } from './one-model.ts';

/** What stands in the README of an exported model: how to run it, and what its inputs and outputs are. */
export function readmeOf(
  { name, version, target, labels, encoders }: HeadManifest,
  { outputs, presence, encoders: linked }: Omit<OneModel, 'model'>,
): string {
  const content = encoders.map(
    ({ modality }) => `'${modality}': ${modality === 'image' ? "'photo.jpg'" : "'a text'"}`,
  );
  const licences = linked.map(({ encoder }) => `- ${encoder.id}: ${encoder.license ?? 'unknown'}`);
  const answers = target === 'regression' ? 'the numbers' : 'a probability for each label';
  const missing =
    presence.size > 0
      ? ` An item may lack a modality: ${[...presence.values()].map((input) => `\`${input}\``).join(' and ')} say so.`
      : '';
  return `# ${name}@${version}

One ONNX model from pixels and tokens to answers, made by ${product.name} ${product.version}. It runs without ${product.name}:

\`\`\`sh
pip install onnxruntime numpy pillow tokenizers
\`\`\`

\`\`\`python
import onnxruntime
from prepare import Preparation

prepare = Preparation()
session = onnxruntime.InferenceSession('model.onnx')
answers, *_ = session.run(None, prepare([{${content.join(', ')}}]))
print(dict(zip(prepare.config['labels'], answers[0])))
\`\`\`

The outputs, [items, ${labels.length}], are ${outputs.map((output) => `\`${output}\``).join(', ')}: ${answers}, of all that an item has
and of each modality alone.${missing} \`prepare.py\` makes the inputs with Pillow and tokenizers; its pixels differ from ${product.name}'s by
little. \`test_data_set_0\` has inputs with the outputs that belong to them, as onnx's own tests have them.

Licences of the encoders inside:

${licences.join('\n')}
`;
}
