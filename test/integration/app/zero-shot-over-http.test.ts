import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { inferByGrpc } from '../../grpc-client.ts';
import { sendJson } from '../../unit/protocols/double.ts';
import { open } from './open-tandem.ts';

const fixtures = fileURLToPath(new URL('../../fixtures/', import.meta.url));

it('makes a head of label names over HTTP, which serves over every protocol with a pair that was added', async () => {
  const { tandem } = await open();
  const clip = path.join(fixtures, 'models', 'clip');
  for (const modality of ['image', 'text'] as const) await tandem.encoders.add(clip, { modality });
  const { address, grpc = '' } = await tandem.listen({ port: 0, grpcPort: 0 });
  const labels = ['cat', 'red car', 'coffee'];
  const response = await sendJson(`${address}/v1/heads/animals/zero-shot`, {
    ...{ labels, templates: ['a photo of a {}'], imageEncoder: 'clip', textEncoder: 'clip' },
  });
  expect(response.status).toBe(201);
  expect(await response.json()).toMatchObject({ version: 1, modalities: ['image', 'text'] });

  const image = (await readFile(path.join(fixtures, 'models', 'images', 'cat.png'))).toString('base64');
  const answered = await sendJson(`${address}/v1/predict`, { head: 'animals', inputs: [{ image }] });
  const { results } = await answered.json();
  const probabilities = new Map<string, number>(
    results[0].labels.map(({ label, probability }: { label: string; probability: number }) => [
      label,
      probability,
    ]),
  );
  expect([...probabilities.keys()].toSorted()).toEqual(labels.toSorted());

  const inferred = await sendJson(`${address}/v2/models/animals/infer`, {
    inputs: [{ name: 'image', shape: [1], datatype: 'BYTES', data: [image] }],
  });
  const { outputs } = await inferred.json();
  const { data } = outputs.find(({ name }: { name: string }) => name === 'probabilities');
  for (const [index, value] of data.entries())
    expect(value).toBeCloseTo(probabilities.get(labels[index])!, 5);

  const answer = await inferByGrpc(grpc, 'animals', {
    name: 'image',
    values: [Buffer.from(image, 'base64')],
  });
  for (const [index, value] of data.entries())
    expect(answer.probabilities?.readFloatLE(4 * index)).toBeCloseTo(value, 6);

  const { heads } = await (await fetch(`${address}/v1/heads`)).json();
  expect(heads).toContainEqual(
    expect.objectContaining({ name: 'animals', labels, modalities: ['image', 'text'] }),
  );
});

it('starts a job from a head of label names, with its encoders, and tells the curve', async () => {
  const { data, tandem } = await open();
  const rows = Array.from({ length: 6 }, (_, index) => [`soup ${index},cooking`, `match ${index},sports`]);
  await mkdir(path.join(data, 'datasets', 'topics'), { recursive: true });
  await writeFile(
    path.join(data, 'datasets', 'topics', 'metadata.csv'),
    `text,label\n${rows.flat().join('\n')}\n`,
  );
  const { address } = await tandem.listen({ port: 0 });
  await sendJson(`${address}/v1/heads/topics/zero-shot`, { labels: ['cooking', 'sports'] });
  const asked = { head: 'topics', dataset: 'topics', startFrom: 'topics', search: false };
  const { id } = await (await sendJson(`${address}/v1/jobs`, asked)).json();
  const job = async () => (await fetch(`${address}/v1/jobs/${id}`)).json();
  await expect.poll(job, { interval: 500 }).toMatchObject({
    state: 'succeeded',
    result: { head: 'topics', version: 2, startedFrom: { head: 'topics@1' } },
  });
  const { result } = await job();
  expect(result.startedFrom.curve.map(({ perLabel }: { perLabel: number }) => perLabel)).toEqual([
    0, 1, 4, 5,
  ]);
});
