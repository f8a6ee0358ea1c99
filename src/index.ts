/** The library: what `import … from 'tandem'` gives. */
import { readSettings, type SettingName, settings } from './config.ts';

export { type ErrorCode, type ErrorItem, TandemError } from './errors.ts';

/** A server that runs in this process. */
export interface Server {
  /** `http://…` */
  readonly address: string;
  /** `host:port`, where it answers gRPC as well. */
  readonly grpc?: string;
  /** Finishes open requests, stops running jobs after their last checkpoint, and frees everything. */
  close(): Promise<void>;
}

/**
 * Starts in this process what `serve` starts as a command. The environment's variables are not read.
 * @param chosen settings by the names of their flags; the others keep their defaults. Relative paths are the caller's.
 * @throws TandemError `invalid-configuration` naming every bad value; others of whatever cannot be opened or listened on
 * @example
 * const server = await startServer({ data: 'heads', port: '0' });
 * await fetch(`${server.address}/v1/predict`, { method: 'POST', body: form });
 * await server.close();
 */
export async function startServer(chosen: Partial<Record<SettingName, string>> = {}): Promise<Server> {
  const read = readSettings(Object.keys(settings) as SettingName[], chosen, {});
  // Loaded when it is wanted: ONNX Runtime and sharp change the process that loads them.
  const { startServer: start } = await import('./app/start-server.ts');
  const { address, grpc, close } = await start(read);
  return { address, ...(grpc !== undefined && { grpc }), close };
}
