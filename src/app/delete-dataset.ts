import type { DatasetCatalogue } from '../datasets/catalogue.ts';
import { TandemError } from '../errors.ts';
import type { JobReader } from '../jobs/job-reader.ts';

/**
 * Deletes a dataset that no job needs any more. A job that is submitted meanwhile either keeps the dataset or is refused.
 * @throws TandemError `dataset-in-use`, naming the job; `unknown-dataset`
 */
export async function deleteUnused(
  catalogue: DatasetCatalogue,
  id: string,
  jobs: Pick<JobReader, 'trainingOn'>,
): Promise<void> {
  await catalogue.delete(id, async (transaction) => {
    const user = await jobs.trainingOn(transaction, id);
    if (user !== undefined) throw new TandemError('dataset-in-use', `the job ${user} trains on it`);
  });
}
