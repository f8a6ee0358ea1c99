import { readFile } from 'node:fs/promises';
import { expect, it, onTestFinished } from 'vitest';
import { TrainingChild } from '../../../src/jobs/training-child.ts';

/** Command lines of the processes that this one has started. */
async function childrenOf(pid: number): Promise<string[]> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ');
  return Promise.all(children.map((child) => readFile(`/proc/${child}/cmdline`, 'utf8')));
}

it.runIf(process.platform === 'linux')(
  'trains within the limit of the heap that the server was given, without its other flags',
  async () => {
    const own = process.execArgv;
    process.execArgv = [...own, '--max-old-space-size=777', '--input-type=module'];
    onTestFinished(() => {
      process.execArgv = own;
    });
    const start = {
      owner: { id: 'a', token: 1 },
      task: { work: { compare: 2 }, reading: {}, source: { imported: 'none' } },
      place: { store: { data: '/nowhere/data' } },
    } as unknown as ConstructorParameters<typeof TrainingChild>[0]['start'];
    const training = new TrainingChild({ start }, { progress: () => {}, note: () => {} });
    const [line] = (await childrenOf(process.pid)).filter((line) => line.includes('training-process'));
    training.drop();
    await training.ended;
    expect(line).toContain('--max-old-space-size=777');
    expect(line).not.toContain('--input-type');
  },
);
