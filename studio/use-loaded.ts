import { useEffect, useState } from 'preact/hooks';

export interface Loaded<Value> {
  value?: Value;
  error?: unknown;
  isLoading: boolean;
}

/**
 * Loads something whenever its key changes. What was loaded before stays until the next is here; what comes too late is
 * dropped.
 * @param load undefined where there is nothing to load
 * @example const { value, error } = useLoaded(head, (signal) => answered(server.GET('/v1/heads', { signal })));
 */
export function useLoaded<Value>(
  key: unknown,
  load: ((signal: AbortSignal) => Promise<Value>) | undefined,
): Loaded<Value> {
  const [loaded, setLoaded] = useState<Loaded<Value>>({ isLoading: load !== undefined });
  useEffect(() => {
    if (!load) return setLoaded({ isLoading: false });
    const left = new AbortController();
    setLoaded((before) => ({ ...before, isLoading: true }));
    load(left.signal).then(
      (value) => !left.signal.aborted && setLoaded({ value, isLoading: false }),
      (error) => !left.signal.aborted && setLoaded({ error, isLoading: false }),
    );
    return () => left.abort();
  }, [key]);
  return loaded;
}
