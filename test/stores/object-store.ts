import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { pythonEnvironment } from '../../scripts/python-environment.ts';
import { freePort } from '../free-port.ts';

export interface ObjectStore {
  /** `s3://…` of a bucket that is empty. */
  place: string;
  /** Where it listens. */
  endpoint: string;
  /** What a client needs in its environment. */
  environment: Record<string, string>;
  stop(): Promise<void>;
}

const bucket = 'tandem';

/** Starts an object store on loopback that speaks S3 and keeps everything in memory: moto, from PyPI. */
export async function startObjectStore(): Promise<ObjectStore> {
  const python = await pythonEnvironment(import.meta.dirname);
  const port = await freePort();
  const server = spawn(
    path.join(path.dirname(python), 'moto_server'),
    ['-H', '127.0.0.1', '-p', String(port)],
    { stdio: 'ignore' },
  );
  const endpoint = `http://127.0.0.1:${port}`;
  const environment = storeEnvironment(endpoint);
  const client = new S3Client({
    endpoint,
    region: environment.AWS_REGION,
    forcePathStyle: true,
    maxAttempts: 30,
    credentials: {
      accessKeyId: environment.AWS_ACCESS_KEY_ID,
      secretAccessKey: environment.AWS_SECRET_ACCESS_KEY,
    },
  });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  return {
    place: `s3://${bucket}`,
    endpoint,
    environment,
    async stop() {
      server.kill('SIGKILL');
      await once(server, 'exit');
    },
  };
}

/** The environment of a client of an object store at an address. */
export function storeEnvironment(endpoint: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'anybody',
    AWS_SECRET_ACCESS_KEY: 'anything',
  };
}
