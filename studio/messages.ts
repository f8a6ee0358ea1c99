/** Every text of the page, in one place so that others can translate it. */
export const messages = {
  product: 'Tandem',
  skip: 'Skip to the content',
  loading: 'Loading …',
  retry: 'Retry',
  remove: 'Remove',
  problemAt: (at: string, detail: string) => `${at}: ${detail}`,
  unreachable: 'The server does not answer',
  unreachableFix: 'Check that it is running, then retry.',

  signIn: {
    title: 'Sign in',
    why: 'This server requires a key. It is sent once; then the browser keeps a session for 12 hours that no script can read.',
    key: 'Key',
    submit: 'Sign in',
    signOut: 'Sign out',
    as: (key: string, scope: string) => `${key} (${scope})`,
    make: 'An administrator makes a key on the server:',
  },

  pages: 'Pages',

  teach: {
    title: 'Teach a head',
    short: 'Teach',
    examples: 'Examples',
    boxes: 'Drop images onto labels',
    file: 'Or bring a file',
    dropFile: 'Drop a zip, a CSV or another table here, or ',
    fileLabel: 'A zip, a tar or a table',
    newLabel: 'New label',
    addLabel: 'Add the label',
    removeLabel: (label: string) => `Remove the label “${label}”`,
    imagesOf: (label: string) => `Images of “${label}”`,
    dropImages: 'Drop images here, or ',
    chooseFiles: 'choose files',
    images: (count: number) => (count === 1 ? '1 image' : `${count} images`),
    more: (count: number) => `and ${count} more`,
    keptHere: 'The server keeps the images once the training starts. Until then a reload loses them.',
    check: 'Check the examples',
    checking: 'Checking …',
    found: (examples: number, labels: number) => `${examples} examples, ${labels} labels`,
    counts: 'Examples of each label',
    label: 'Label',
    count: 'Examples',
    problems: (count: number) => (count === 1 ? '1 problem' : `${count} problems`),
    problemImage: 'The image of this problem',
    leaveOut: 'Leave out the rows with problems',
    leftOut: (count: number) => (count === 1 ? '1 row is left out' : `${count} rows are left out`),
    name: 'Name of the head',
    nameHint: 'Small letters, digits and . _ - ; a name that exists gets its next version.',
    start: 'Train',
    starting: 'Starting …',
    training: (head: string) => `Training of ${head}`,
    noTraining: 'Nothing was trained yet.',
    states: {
      queued: 'Queued',
      running: 'Running',
      cancelling: 'Cancelling',
      cancelled: 'Cancelled',
      succeeded: 'Ready',
      failed: 'Failed',
    },
    stages: {
      checking: 'Reading the examples',
      features: 'Computing features',
      search: 'Choosing a recipe',
      training: 'Training',
      refit: 'Training on every example',
      tuning: 'Tuning encoders',
      evaluation: 'Measuring',
      comparison: 'Comparing',
    },
    progress: (done: number, total: number) => `${done} of ${total}`,
    left: (seconds: number) =>
      seconds < 90
        ? `about ${Math.ceil(seconds)} s left in this stage`
        : `about ${Math.ceil(seconds / 60)} min left in this stage`,
    cancel: 'Cancel',
    loss: 'Loss',
    accuracy: 'Accuracy while training',
    curve: (name: string, first: string, last: string, steps: number) =>
      `${name} over ${steps} steps: from ${first} to ${last}`,
    ready: (head: string, version: number, accuracy: string, examples: number) =>
      `${head}@${version} is right on ${accuracy} of ${examples} held-out examples.`,
    try: 'Try it',
  },

  ship: {
    title: 'Ship a version',
    short: 'Ship',
    about:
      'Callers who ask for name@production get the version that it stands for, from the next request on.',
    none: 'production stands for no version yet.',
    served: (version: number) => `production stands for version ${version}.`,
    version: (version: number) => `Version ${version}`,
    move: 'Move production here',
    moveTo: (version: number) => `Move production here: version ${version}`,
    export: (version: number) => `Export version ${version}`,
    rollBack: 'Roll back',
  },

  try: {
    short: 'Try',
    title: 'Try a head',
    head: 'Head',
    headAbout: (labels: number, examples: number, accuracy: number | undefined) =>
      [
        labels > 0 ? `${labels} labels` : 'predicts a number',
        accuracy === undefined
          ? ''
          : `right on ${(100 * accuracy).toFixed(1)} % of ${examples} held-out examples`,
      ]
        .filter((part) => part !== '')
        .join(', '),
    noHeads: 'This server has no head yet.',
    image: 'Image',
    text: 'Text',
    table: 'Columns',
    textHint: 'Type what belongs to the image, or a text alone',
    dropImage: 'Drop an image here, paste one, or ',
    choose: 'choose a file',
    removeImage: 'Remove the image',
    imageAlt: 'The image that is classified',
    use: (modality: string) => `Use the ${modality.toLowerCase()}`,
    answer: 'Answer',
    together: (modalities: string) => `${modalities} together`,
    alone: (modality: string) => `${modality} alone`,
    nothing: 'Give the head an image or a text: the answer appears here.',
    nothingUsed: 'Everything is switched off. Switch something on for an answer.',
    accepted: 'Accepted',
    acceptedWhy: 'This head accepts the answer.',
    unsure: 'Unsure',
    reasons: {
      'low-probability': 'Its probability is below the threshold.',
      'modalities-disagree': 'Image and text are each sure of different answers.',
      'unlike-training': (modality: string) => `The ${modality.toLowerCase()} resembles no training example.`,
    },
    range: (low: string, high: string) => `between ${low} and ${high}, nine times out of ten`,
    given: 'predicted',
    latency: (total: number, parts: { decode: number; queue: number; encode: number; head: number }) =>
      `${total.toFixed(0)} ms in all: ${parts.decode.toFixed(1)} decode, ${parts.queue.toFixed(1)} queue, ${parts.encode.toFixed(1)} encode, ${parts.head.toFixed(1)} head`,
    explain: 'Explain this answer',
    explaining: 'Explaining …',
    explanation: (label: string | undefined) =>
      label === undefined ? 'What the number rests on' : `What “${label}” rests on`,
    effects: 'Green parts raise the answer, red parts lower it. Effects do not add up.',
    withoutIt: (modality: string, points: string) =>
      `Without the ${modality.toLowerCase()} the answer changes by ${points}.`,
    regionAlt: (count: number) => `${count} regions of the image and their effect`,
    nearest: 'Nearest training examples',
    noNearest: 'This head keeps no training rows.',
    similarity: (value: number) => `similarity ${value.toFixed(2)}`,
    row: (row: number) => `row ${row}`,
    code: 'The same from code',
    copy: 'Copy',
    copied: 'Copied',
    missing: 'missing',
  },
} as const;

/** The names of the modalities, as a person reads them. */
export const modalityNames = { image: 'Image', text: 'Text', table: 'Columns' } as const;
