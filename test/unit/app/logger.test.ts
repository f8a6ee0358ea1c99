import { Client } from 'pg';
import { expect, it } from 'vitest';
import { makeLogger } from '../../../src/app/logger.ts';

function logged(error: unknown) {
  const lines: string[] = [];
  makeLogger('error', { write: (text) => void lines.push(text) }).error({ err: error }, 'it went wrong');
  const [line] = lines;
  return { line, ...JSON.parse(line) };
}

it('an error of the database is logged without the connection that hangs on it', () => {
  const client = new Client('postgres://tandem:secret@127.0.0.1/heads');
  const lost = Object.assign(new Error('the connection ended'), { code: '57P01', client });
  const { err, msg, line } = logged(lost);
  expect(err).toEqual({
    type: 'Error',
    code: '57P01',
    message: 'the connection ended',
    stack: expect.stringContaining('logger.test.ts'),
  });
  expect(msg).toBe('it went wrong');
  expect(line).not.toMatch(/secret|connectionParameters/);
});

it('each of several errors in one is logged', () => {
  const both = new AggregateError([new Error('IPv6 refused'), new Error('IPv4 refused')]);
  expect(logged(both).err).toMatchObject({ causes: ['IPv6 refused', 'IPv4 refused'] });
});

it('an error that passes on the message of its cause is logged with it once', () => {
  const cause = new Error('unexpected end of the file');
  const { err } = logged(new Error(`head.json: ${cause.message}`, { cause }));
  expect(err.message).toBe('head.json: unexpected end of the file');
  expect(err.stack).toContain('caused by: Error: unexpected end of the file');
});
