import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Residents } from '../../../src/encoders/residents.ts';

/** Values of so many bytes each, what became of them, and how many bytes were loaded at most. */
function make(maximumBytes: number, minimumStay = 0) {
  const residents = new Residents<{ name: string }>({ maximumBytes, minimumStay });
  const events: string[] = [];
  let [loaded, most] = [0, 0];
  const add = (name: string, bytes: number, load = async () => {}) =>
    residents.add({
      bytes,
      async load() {
        events.push(`load ${name}`);
        loaded += bytes;
        most = Math.max(most, loaded);
        await load();
        return { name };
      },
      async unload() {
        await pause(1);
        events.push(`evict ${name}`);
        loaded -= bytes;
      },
    });
  return { residents, add, events, most: () => most };
}

const nothing = async () => {};

describe('residents', () => {
  it('are loaded once, when they are first used', async () => {
    const { add, events } = make(100);
    const some = add('some', 60);
    expect(some.isLoaded).toBe(false);
    const names = await Promise.all([1, 2].map(() => some.use(async ({ name }) => name)));
    expect(names).toEqual(['some', 'some']);
    expect(events).toEqual(['load some']);
    expect(some.isLoaded).toBe(true);
  });

  it('stay loaded as long as there is room', async () => {
    const { residents, add, events } = make(100);
    const [some, other] = [add('some', 60), add('other', 40)];
    for (const one of [some, other, some]) await one.use(nothing);
    expect(events).toEqual(['load some', 'load other']);
    expect(residents.bytes).toBe(100);
  });

  it('are evicted in the order of their last use', async () => {
    const { add, events } = make(100);
    const [first, second, third] = [add('first', 50), add('second', 50), add('third', 50)];
    for (const one of [first, second, first, third]) {
      await one.use(nothing);
      await pause(2);
    }
    expect(events).toEqual(['load first', 'load second', 'evict second', 'load third']);
  });

  it('are never evicted while they are used', async () => {
    const { add, events } = make(100);
    const [some, other] = [add('some', 60), add('other', 60)];
    const { promise: done, resolve: finish } = Promise.withResolvers<void>();
    const using = some.use(() => done);
    const waiting = other.use(nothing);
    await pause(20);
    expect(events).toEqual(['load some']);
    finish();
    await Promise.all([using, waiting]);
    expect(events).toEqual(['load some', 'evict some', 'load other']);
  });

  it('take turns where each is used without a pause, and never take more than they may', async () => {
    const { add, events, most } = make(100, 10);
    const all = [add('a', 60), add('b', 60), add('c', 60)];
    const until = performance.now() + 300;
    const used = all.map(() => 0);
    await Promise.all(
      all.flatMap((one, index) =>
        Array.from({ length: 3 }, async () => {
          while (performance.now() < until) {
            await one.use(() => pause(1));
            used[index]++;
          }
        }),
      ),
    );
    expect(Math.min(...used)).toBeGreaterThan(5);
    expect(most()).toBe(60);
    expect(events.filter((event) => event === 'load a').length).toBeGreaterThan(1);
  });

  it('stay for a while where others wait, so that loading is worth it', async () => {
    const { add } = make(100, 100);
    const [some, other] = [add('some', 60), add('other', 60)];
    let asked = true;
    const using = Promise.all(
      [2, 3].map(async (milliseconds) => {
        while (asked) await some.use(() => pause(milliseconds));
      }),
    );
    await pause(5);
    const started = performance.now();
    await other.use(nothing);
    expect(performance.now() - started).toBeGreaterThan(80);
    asked = false;
    await using;
  });

  it('stay between two uses that follow at once, though others wait', async () => {
    const { add, events } = make(100, 1000);
    const [some, other] = [add('some', 60), add('other', 60)];
    await some.use(nothing);
    const waiting = other.use(nothing);
    for (let count = 0; count < 5; count++) {
      await pause(5);
      await some.use(nothing);
    }
    expect(events).toEqual(['load some']);
    await waiting;
    expect(events).toEqual(['load some', 'evict some', 'load other']);
  });

  it('are used again within a use, though others wait for the room', async () => {
    const { add, events } = make(100);
    const [some, other] = [add('some', 60), add('other', 60)];
    let waiting: Promise<void> | undefined;
    await some.use(
      async () => {
        waiting = other.use(nothing);
        await pause(5);
        await some.use(nothing);
      },
      { isOuter: true },
    );
    await waiting;
    expect(events).toEqual(['load some', 'evict some', 'load other']);
  });

  it('are loaded alone where one is larger than all may be', async () => {
    const { add, events } = make(100);
    const [small, large] = [add('small', 10), add('large', 200)];
    for (const one of [small, large, small]) await one.use(nothing);
    expect(events).toEqual(['load small', 'evict small', 'load large', 'evict large', 'load small']);
  });

  it('are loaded anew at the next use where loading failed', async () => {
    const { add } = make(100);
    let failures = 1;
    const some = add('some', 10, async () => {
      if (failures-- > 0) throw new Error('no luck');
    });
    await expect(some.use(nothing)).rejects.toThrow('no luck');
    expect(await some.use(async ({ name }) => name)).toBe('some');
  });

  it('are waited for no longer than a signal says, and then nothing is evicted for it', async () => {
    const { add, events } = make(100);
    const [some, other] = [add('some', 60), add('other', 60)];
    const { promise: done, resolve: finish } = Promise.withResolvers<void>();
    const using = some.use(() => done);
    await pause(2);
    await expect(other.use(nothing, { signal: AbortSignal.timeout(10) })).rejects.toThrow('timeout');
    expect(some.isLoaded).toBe(true);
    finish();
    await using;
    await some.use(nothing);
    expect(events).toEqual(['load some']);
  });

  it('are unloaded when they are closed, and whoever waits is refused', async () => {
    const { residents, add, events } = make(100);
    const [some, other] = [add('some', 60), add('other', 60)];
    const using = some.use(() => pause(10));
    await pause(2);
    const waiting = other.use(nothing);
    const closing = residents.close();
    await expect(waiting).rejects.toThrow('closed');
    await Promise.all([using, closing]);
    expect(events).toEqual(['load some', 'evict some']);
  });
});
