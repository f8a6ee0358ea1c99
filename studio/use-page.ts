import { useEffect, useState } from 'preact/hooks';

/** The pages, each at its own fragment of the address: `/#teach`. */
export const pageNames = ['try', 'teach', 'ship'] as const;
export type PageName = (typeof pageNames)[number];

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
  return pageNames.find((name) => location.hash === `#${name}`) ?? 'try';
}
