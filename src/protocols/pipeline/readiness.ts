import { TandemError } from '../../errors.ts';
import type { AppOptions } from './options.ts';
import type { Services } from './services.ts';

/** @throws TandemError `not-ready` where no real inference succeeded a moment ago, or the server stops */
export async function requireReady(
  { ready }: Pick<Services, 'ready'>,
  { stopping }: Pick<AppOptions, 'stopping'>,
): Promise<void> {
  if (stopping?.isDraining)
    throw new TandemError('not-ready', 'the server stops', { fix: 'Send new requests to another server.' });
  if (!(await ready())) throw new TandemError('not-ready', 'the encoders or the heads do not answer');
}
