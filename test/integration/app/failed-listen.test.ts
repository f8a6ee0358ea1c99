import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Context } from '../../../src/app/context.ts';
import { openServing } from '../../../src/app/serving.ts';
import { settingsFromCode } from '../../../src/read-settings.ts';

it('leaves nobody who watches the engines where serving cannot start', async () => {
  const data = await mkdtemp(path.join(tmpdir(), 'tandem-'));
  const context = new Context(settingsFromCode({ data, logLevel: 'silent' }));
  onTestFinished(async () => {
    await context.close();
    await rm(data, { recursive: true });
  });
  // The server's own name is to be a file.
  await mkdir(path.join(data, 'server.json'));
  const serving = context.parts.add((closing) => openServing(context, closing));
  const error = vi.spyOn(await context.logger(), 'error');
  await expect(serving()).rejects.toThrow('EISDIR');
  context.observers.engineEvents.onLoss(new Error('gone'));
  expect(error).not.toHaveBeenCalled();
  await rm(path.join(data, 'server.json'), { recursive: true });
  await serving();
  context.observers.engineEvents.onLoss(new Error('gone'));
  expect(error).toHaveBeenCalledTimes(1);
});
