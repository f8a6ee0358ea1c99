import { required } from '../indexing.ts';
import { type EngineOptions, providers } from './protocol.ts';

/** An engine's options as arguments of its process. */
export function engineArguments({ provider, threads }: EngineOptions): string[] {
  return [provider, String(threads)];
}

/** @throws Error where the arguments are not those of an engine */
export function engineOptions([provider, threads]: readonly string[]): EngineOptions {
  return {
    provider: required(
      providers.find((known) => known === provider),
      'the provider of the engine',
    ),
    threads: Number(threads),
  };
}
