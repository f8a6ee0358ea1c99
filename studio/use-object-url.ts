import { useEffect, useMemo } from 'preact/hooks';

/** An address at which the page shows a file, until the file changes or the component goes. */
export function useObjectUrl(file: File | undefined): string | undefined {
  const url = useMemo(() => file && URL.createObjectURL(file), [file]);
  useEffect(() => () => url && URL.revokeObjectURL(url), [url]);
  return url;
}
