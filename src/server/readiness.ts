import { TandemError } from '../errors.ts';
import type { Services } from './services.ts';

/** @throws TandemError `not-ready` where no real inference succeeded a moment ago */
export async function requireReady({ ready }: Pick<Services, 'ready'>): Promise<void> {
  if (!(await ready())) throw new TandemError('not-ready', 'the encoders or the heads do not answer');
}
