import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { form, type StartedServer, startServer, zip } from './server.ts';

let folder: string;
let server: StartedServer;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'job-notes-'));
  server = await startServer(path.join(folder, 'data'));
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true });
});

/** Of the test side every label is wrong. */
const rows = Array.from({ length: 60 }, (_, row) => {
  const [animal, other] = row % 2 === 0 ? ['cat', 'dog'] : ['dog', 'cat'];
  return [`a ${animal} in yard ${row}`, ...(row < 40 ? [animal, 'train'] : [other, 'test'])].join();
});

it('keeps what was said of the data, the choices and the head with the job and in its report', async () => {
  const archive = path.join(folder, 'animals.zip');
  await zip(archive, { 'metadata.csv': ['text,label,split', ...rows, 'no label,,train'].join('\n') });
  const fields = { head: 'animals', search: 'false', skipBadRows: 'true', testShare: '0.3' };
  const submitted = await fetch(`${server.address}/v1/jobs`, {
    method: 'POST',
    body: await form({ ...fields, acceptAccuracy: '0.99' }, { file: archive }),
  });
  const { id } = await submitted.json();
  const at = `${server.address}/v1/jobs/${id}`;
  const read = async () => (await fetch(at)).json();
  await expect.poll(async () => (await read()).state).toBe('succeeded');
  const expected = [/1 row left out/, /none are drawn: --test-share/, /no threshold/i];
  const { notes } = await read();
  const report = await (await fetch(`${at}/report`)).text();
  for (const note of expected) {
    expect(notes).toContainEqual(expect.stringMatching(note));
    expect(report).toMatch(note);
  }
  expect(new Set(notes).size).toBe(notes.length);
  expect(report).toContain('What else is worth knowing?');
  const { jobs } = await (await fetch(`${server.address}/v1/jobs`)).json();
  expect(jobs[0].notes).toEqual(notes);
});
