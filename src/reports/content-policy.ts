/** Of every report. Even if markup from a dataset slipped through, a browser would run no script and fetch nothing. */
export const contentPolicy =
  "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
