import path from 'node:path';
import { TandemError } from '../errors.ts';
import type { Artifacts } from './artifacts.ts';
import { removeLeftovers } from './durable.ts';
import { FolderArtifacts } from './folder-artifacts.ts';

/**
 * The artifacts of a data folder.
 * @param place `s3://bucket/prefix`; without it they lie in the folder itself. Credentials, region and endpoint come from
 * the environment, as for every program of AWS.
 * @throws TandemError `invalid-configuration`
 * @example const artifacts = await openArtifacts('data', 's3://models/tandem');
 */
export async function openArtifacts(data: string, place?: string): Promise<Artifacts> {
  if (!place) return new FolderArtifacts(data);
  const url = URL.canParse(place) ? new URL(place) : undefined;
  if (url?.protocol !== 's3:' || !url.hostname)
    throw new TandemError('invalid-configuration', `${place} must read s3://bucket or s3://bucket/prefix`);
  const { S3Artifacts } = await import('./s3-artifacts.ts');
  const copies = path.resolve(data, 'copies');
  await removeLeftovers(copies);
  return new S3Artifacts({
    bucket: url.hostname,
    prefix: url.pathname.replaceAll(/^\/+|\/+$/g, ''),
    copies,
  });
}
