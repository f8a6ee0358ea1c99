import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Option } from '@commander-js/extra-typings';
import type { Tandem } from '../app/tandem.ts';
import { encoderSettings } from '../config.ts';
import { examples, openFor } from './options.ts';
import { print, printJson } from './output.ts';
import { subcommand } from './subcommand.ts';

/** Writes a version somewhere; what is said of it, for machines and for people. */
type Write = (
  tandem: Tandem,
  head: string,
  options: { output?: string | undefined; plain?: true | undefined },
) => Promise<{ value: object; text: string }>;

/** What a version can be written as. */
const formats: Readonly<Record<'tandem' | 'onnx', Write>> = {
  async tandem(tandem, head, { output }) {
    const { name, version, content } = await tandem.heads.export(head);
    const file = output ?? `${name}-${version}.tar`;
    await pipeline(content, createWriteStream(file));
    return { value: { name, version, file }, text: `${name}@${version} is in ${file}` };
  },
  async onnx(tandem, head, { output, plain }) {
    const folder = output ?? `${head.replaceAll('@', '-')}-onnx`;
    const value = await tandem.heads.exportOnnx(head, folder, { plain });
    const { name, version, bytes, largestDifference } = value;
    const text = `${name}@${version} and its encoders are one model, ${folder}/model.onnx (${Math.round(bytes / 2 ** 20)} MiB); its answers differ by up to ${largestDifference.toExponential(1)}\n${folder}/README.md says how to run it`;
    return { value, text };
  },
};

export const exportHead = subcommand(
  'export',
  'write a version to one file, or as one ONNX model with its encoders',
  'Writes a version to a tar file, with the sha256 of all that is in it, which `heads import` reads. With --to onnx: a folder with one ONNX model, from pixels and token ids to answers, for other programs.',
)
  .argument('<head>', 'name, name@version or name@alias')
  .addOption(
    new Option('--to <format>', 'what to write')
      .choices(['tandem', 'onnx'] satisfies (keyof typeof formats)[])
      .default('tandem'),
  )
  .option('--plain', "of an ONNX model: of ONNX's own operators alone, for other runtimes than ONNX Runtime")
  .option('--output <path>', 'where to write it (default: NAME-VERSION.tar, or NAME-onnx)')
  .addHelpText('after', examples('heads export pets@3 --output pets-3.tar', 'heads export pets --to onnx'))
  .action(async (head, { to, json, ...options }, called) => {
    await using tandem = await openFor(called, encoderSettings);
    const { value, text } = await formats[to](tandem, head, options);
    if (json) printJson(value);
    else print(text);
  });
