import { expect, it, onTestFinished, vi } from 'vitest';
import { openEncoders } from '../../../src/encoders/encoders.ts';
import { bundledEncoders } from '../../bundled-encoders.ts';

/** Whether each of the bundled encoders is still loaded once both were. */
async function loadedIn(memory: number | 'auto'): Promise<boolean[]> {
  const encoders = await openEncoders({
    ...{ encoders: bundledEncoders, provider: 'cpu', threads: 1, engines: 1, memory },
  });
  onTestFinished(() => encoders.close());
  const {
    image: [image],
    text: [text],
  } = encoders.byModality;
  for (const encoder of [image, text]) await encoder.load();
  return [image, text].map(({ isLoaded }) => isLoaded);
}

it('keeps the encoders of the settings loaded, however little memory there is', async () => {
  vi.spyOn(process, 'constrainedMemory').mockReturnValue(64 * 2 ** 20);
  onTestFinished(() => void vi.restoreAllMocks());
  expect(await loadedIn('auto')).toEqual([true, true]);
});

it('evicts the one that was used longest ago where there is room for one, as it was told', async () => {
  expect(await loadedIn(16)).toEqual([false, true]);
});
