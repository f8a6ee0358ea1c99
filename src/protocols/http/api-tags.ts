/** What the operations are grouped by, in the order in which a page shows them. */
export const apiTags = {
  Predictions: 'What a head, or an encoder, says of images and texts.',
  Heads: 'Registered heads: their versions, and the aliases that stand for them.',
  Encoders:
    'What makes the features of images and texts: those that ship with the server, and models of the hub.',
  Datasets: 'What heads are trained on: checked once, then named by an id.',
  Jobs: 'Trainings, comparisons and evaluations in the background.',
  'Open Inference Protocol': 'Version 2 over HTTP: heads are its models.',
  Session: 'Of a browser, which signs in with a key and then sends a cookie.',
  Server: 'Health, metrics, and what the server says of itself.',
} as const;
