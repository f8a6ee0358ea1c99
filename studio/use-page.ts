import { useEffect, useState } from 'preact/hooks';

/** The pages, each at its own fragment of the address: `/#teach`. */
export type PageName = 'try' | 'teach';

/** The page that the address names. */
export function usePage(): PageName {
  const [page, setPage] = useState(named);
  useEffect(() => {
    const change = () => setPage(named());
    addEventListener('hashchange', change);
    return () => removeEventListener('hashchange', change);
  }, []);
  return page;
}

function named(): PageName {
  return location.hash === '#teach' ? 'teach' : 'try';
}
