import { pino } from 'pino';
import { expect, it } from 'vitest';
import { HeadFit } from '../../../src/app/head-fit.ts';
import type { HeadSummary } from '../../../src/protocols/pipeline/services.ts';

const figures = { examples: 9, accuracy: 1, macroF1: 1, negativeLogLikelihood: 0, calibrationError: 0 };

/** A head that takes the features of one encoder. */
const head = (name: string, fingerprint: string): HeadSummary => ({
  name,
  version: 1,
  target: 'single',
  labels: ['a', 'b'],
  modalities: ['text'],
  encoders: [{ modality: 'text', id: 'texts', dimension: 2, fingerprint }],
  createdAt: '2026-01-31T12:00:00.000Z',
  metrics: { fused: figures, unimodal: {} },
  decides: false,
});

/** A server that has one encoder. */
const ownEncoders = { find: async (fingerprint: string) => fingerprint === 'mine' };

it('names the heads that take features of encoders that are not here, and logs them once', async () => {
  const lines: string[] = [];
  const logger = pino({}, { write: (line: string) => void lines.push(line) });
  const heads = async () => [head('own', 'mine'), head('foreign', 'another')];
  const fit = new HeadFit(heads, ownEncoders, logger);
  await expect.poll(() => fit.unfit).toEqual(['foreign@1']);
  expect(lines.filter((line) => line.includes('not here'))).toHaveLength(1);
});

it('keeps what it knows while the store is away', async () => {
  const heads = () => Promise.reject(new Error('away'));
  const fit = new HeadFit(heads, ownEncoders, pino({ level: 'silent' }));
  expect(fit.unfit).toEqual([]);
});
