import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { fromBinary } from '@bufbuild/protobuf';
import { expect, it } from 'vitest';
import { everyFormOfHead, servingOperators } from '../../../src/arl/serving-operators.ts';
import { ModelProtoSchema } from '../../../src/graph/onnx/onnx_pb.js';
import { checkHeadGraph } from '../../../src/heads/graph.ts';
import { readHeadManifest } from '../../../src/heads/head.ts';
import { targets } from '../../../src/targets/targets.ts';
import { badHeads, plainHead } from '../../attack/payloads/heads.ts';

const losses = Object.values(targets).map(({ loss }) => loss);
const emoji = fileURLToPath(new URL('../../../models/heads/emoji/1/', import.meta.url));

it('takes every form of head that can be trained, and the one that ships with the program', async () => {
  let forms = 0;
  for (const bytes of everyFormOfHead(losses)) {
    const { graph } = fromBinary(ModelProtoSchema, bytes);
    const encoders = graph!.input.map(({ name }, index) => ({
      modality: name as 'image',
      id: '',
      dimension: 3 + index,
      fingerprint: '',
    }));
    checkHeadGraph(bytes, { encoders, labels: ['a', 'b'] });
    forms++;
  }
  expect(forms).toBeGreaterThan(200);
  checkHeadGraph(await readFile(`${emoji}head.onnx`), await readHeadManifest(emoji));
});

it('knows the operators of heads from what writes them', () => {
  const names = [...servingOperators(losses).keys()];
  for (const own of ['Gemm', 'LayerNormalization', 'com.microsoft.FusedMatMul']) expect(names).toContain(own);
  for (const foreign of ['Loop', 'If', 'Scan', 'Expand', 'Tile', 'ConstantOfShape', 'Constant', 'Range'])
    expect(names).not.toContain(foreign);
});

const form = { encoders: (await readHeadManifest(emoji)).encoders, labels: ['a', 'b', 'c'] };

it('takes a head of the same form, so that each of the others is turned down for its own fault', () => {
  checkHeadGraph(plainHead(form), form);
});

it.each(Object.entries(badHeads(form)))('turns down a head with %s', (_what, { bytes, problem }) => {
  expect(() => checkHeadGraph(bytes, form)).toThrow(problem);
});

it('turns down a head for other labels or features than its head.json names', () => {
  const bytes = plainHead(form);
  expect(() => checkHeadGraph(bytes, { ...form, labels: ['a', 'b'] })).toThrow('each of its 2 labels');
  const [first, second] = form.encoders;
  expect(() => checkHeadGraph(bytes, { ...form, encoders: [first] })).toThrow('head.json says image');
  expect(() => checkHeadGraph(bytes, { ...form, encoders: [first, first] })).toThrow('twice');
  expect(() => checkHeadGraph(bytes, { ...form, encoders: [first, { ...second, dimension: 9 }] })).toThrow(
    '[n, 9]',
  );
});
