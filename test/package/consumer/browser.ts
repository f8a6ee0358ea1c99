/** What a page would write: it must compile without Node's types. */
import { ApiError, createTandemClient, form, jobEvents } from 'tandem/client';

const tandem = createTandemClient(location.origin);
const input = document.querySelector<HTMLInputElement>('input[type=file]');
const archive = input?.files?.[0];
if (archive) {
  const { data, error } = await tandem.POST(
    '/v1/jobs',
    form({ file: archive, head: 'pets', strategy: 'arl' }),
  );
  if (error) throw new ApiError(error);
  for await (const { job } of jobEvents(tandem, data.id)) document.title = job.state;
}
