/** Imports a dataset, trains on it and predicts with `tandem/client`, and prints what came of it. */
import { createReadStream, openAsBlob } from 'node:fs';
import { ApiError, createTandemClient, form, type JobEvent, jobEvents, type Prediction } from 'tandem/client';

const [address, archive, image] = process.argv.slice(2);
const tandem = createTandemClient(address);

// @ts-expect-error: the API has no such path
void (() => tandem.GET('/v1/heds'));
const path = { name: 'emoji', alias: 'production' };
// @ts-expect-error: a version is a number
void (() => tandem.PUT('/v1/heads/{name}/aliases/{alias}', { params: { path }, body: { version: 'one' } }));

const streamed = await tandem.POST(
  '/v1/datasets',
  form({
    file: { name: 'photos.zip', content: createReadStream(archive) },
    name: 'photos',
    target: 'single',
  }),
);
if (streamed.error) throw new ApiError(streamed.error);
if (!('id' in streamed.data)) throw new Error('it was kept');

const submitted = await tandem.POST(
  '/v1/jobs',
  form({ file: { name: 'photos.zip', content: await openAsBlob(archive) }, head: 'streamed', seed: '0' }),
);
if (submitted.error) throw new ApiError(submitted.error);
const { id } = submitted.data;
const events: JobEvent[] = [];
for await (const event of jobEvents(tandem, id)) events.push(event);
const middle = events[events.length >> 1].id;
const later: string[] = [];
for await (const event of jobEvents(tandem, id, { after: middle })) later.push(event.id);
const leaving = new AbortController();
let seen = 0;
for await (const _ of jobEvents(tandem, id, { signal: leaving.signal })) if (++seen === 2) break;

const predicted = await tandem.POST(
  '/v1/predict',
  form({ head: 'streamed', image: new File([await openAsBlob(image)], 'one.jpg'), text: undefined }),
);
if (predicted.error) throw new ApiError(predicted.error);
const [prediction] = 'results' in predicted.data ? predicted.data.results : [];
const label = (given: Prediction) => given.labels[0].label;

const unknown = await jobEvents(tandem, 'none')
  .next()
  .catch((error: unknown) => (error instanceof ApiError ? error.problem?.type : error));

console.log(
  JSON.stringify({
    dataset: streamed.data.name,
    ids: events.map((event) => event.id),
    last: events.at(-1)?.job.state,
    middle,
    later,
    seen,
    label: 'labels' in prediction ? label(prediction) : prediction,
    unknown,
  }),
);
