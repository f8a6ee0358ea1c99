import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { strategies } from '../../../src/arl/strategy.ts';
import { coverageOf, findAcceptance } from '../../../src/evaluation/coverage.ts';
import { pairedInterval, shareInterval } from '../../../src/evaluation/intervals.ts';
import { largestIndex } from '../../../src/evaluation/single-label.ts';
import { relianceOf } from '../../../src/heads/decision.ts';
import { required } from '../../../src/indexing.ts';
import { smooth, thin } from '../../../src/reports/curve.ts';
import { shorten } from '../../../src/reports/format.ts';
import { likelyLabelErrors } from '../../../src/reports/label-errors.ts';
import { outcomesOf } from '../../../src/reports/outcome.ts';
import { writeReport } from '../../../src/reports/report.ts';
import type { ReportInput } from '../../../src/training/report-input.ts';
import { imagesFolder, photographs, type SampleOptions, sampleReport } from './report-sample.ts';

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'report-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function reportOf(input: ReportInput): Promise<string> {
  const file = path.join(await temporaryFolder(), 'report.html');
  await writeReport(file, input);
  return readFile(file, 'utf8');
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `label ${index}`);
const matches = (html: string, pattern: RegExp) => Array.from(html.matchAll(pattern), ([, group]) => group);
const occurrences = (html: string, part: string) => html.split(part).length - 1;

/** The part of the page that lists the examples of a cell. */
function cellExamples(html: string, anchor: string): string {
  const start = html.indexOf(`<article id="${anchor}">`);
  expect(start, `no element ${anchor}`).toBeGreaterThan(0);
  return html.slice(start, html.indexOf('</article>', start));
}

describe('a report', () => {
  it('says what was tuned, and what that did to the loss on held-out examples', async () => {
    const input = sampleReport();
    const { manifest } = input;
    const heldOut = {
      frozen: 0.8123,
      tuned: 0.6234,
      difference: { mean: -0.1889, margin: 0.05 },
      examples: 61,
    };
    const tuning = { blocks: { text: 2, image: 1 }, ranks: { image: 8 }, heldOut };
    const html = await reportOf({
      ...input,
      manifest: { ...manifest, training: { ...manifest.training, tuning } },
    });
    expect(html).toContain('Did tuning the encoder pay?');
    expect(html).toContain('the last 2 blocks of the text encoder');
    expect(html).toContain('the last 1 block of the image encoder, by adapters of rank 8');
    for (const figure of ['61 examples', '0.8123', '0.6234', '0.1889', '0.2389', '0.1389'])
      expect(html).toContain(figure);
    expect(await reportOf(input)).not.toContain('Did tuning');
  });

  it('shows how right the surest answers are, and which are accepted', async () => {
    const input = sampleReport();
    const coverage = coverageOf(
      input.test.map(({ probabilities, truth }) => ({
        ...required(relianceOf(probabilities, input.manifest), 'the reliance'),
        isUnlike: false,
        isRight: 'class' in truth && input.manifest.labels[largestIndex(probabilities.fused)] === truth.class,
      })),
    );
    const acceptance = required(findAcceptance(coverage, 0.99), 'a threshold');
    const { accepted, right } = acceptance;
    const [low, high] = shareInterval(right, accepted);
    const html = await reportOf({ ...input, manifest: { ...input.manifest, coverage, acceptance } });
    expect(html).toContain('Which answers can be relied on?');
    for (const share of [accepted / 300, right / accepted, low, high])
      expect(html).toContain(`${(100 * share).toFixed(1)}\u00a0%`);
    expect(html).toContain('class="chosen"');
    expect(await reportOf(input)).not.toContain('Which answers can be relied on?');
  });

  it('names the head, its figures and where it came from', async () => {
    const input = sampleReport();
    const html = await reportOf(input);
    const { fused, unimodal } = input.manifest.metrics;
    for (const expected of [
      'pets@3',
      'pets and more',
      '1,200 to train on, 300 to test on',
      'efficientnet-lite0',
      '1 March 2026 at 09:30 UTC',
      `${(100 * fused.accuracy).toFixed(1)}\u00a0%`,
      unimodal.text!.negativeLogLikelihood.toFixed(3),
      'Is it good?',
      'Where does it fail?',
      'Are the labels right?',
      'Is ARL doing anything?',
    ])
      expect(html).toContain(expected);
  });

  it('needs nothing but itself: no script, no address outside the file, and a policy that forbids them', async () => {
    const html = await reportOf(sampleReport());
    const addresses = matches(html, /\s(?:src|href|srcset|action|data|poster)="([^"]*)"/g);
    expect(addresses.length).toBeGreaterThan(100);
    for (const address of addresses) expect(address).toMatch(/^(#[\w-]+$|data:image\/webp;base64,)/);
    expect(html).not.toMatch(/https?:|<script|<link|<iframe|@import|url\(/i);
    expect(html).toContain(`http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:`);
  });

  it('shows labels, texts and names as text, whatever markup they hold', async () => {
    const hostile = `"'><script>alert(1)</script><img src=x onerror=alert(1)></style></title>&amp;`;
    const labels = [hostile, `<b>${hostile}`, 'plain'];
    const input = sampleReport({ labels, examples: 30, strength: { image: 1, text: 1 } });
    input.manifest.name = hostile;
    input.manifest.training.dataset = hostile;
    input.manifest.training.recipe = { [hostile]: hostile, strategy: hostile };
    for (const example of input.test) {
      const { image, text } = example.content;
      example.content.text = `${hostile} ${text}`;
      if (image) image.path = path.join(imagesFolder, `${hostile.replaceAll('/', '')}.jpg`);
    }
    for (const some of [labels, [...labels, ...numbered(40)]]) {
      const html = await reportOf({ ...input, manifest: { ...input.manifest, labels: some } });
      expect(html).toContain('&lt;script>alert(1)');
      expect(html).not.toMatch(/<script|<img src=x|<b>/i);
      expect(occurrences(html, '</style>')).toBe(1);
      expect(occurrences(html, '</title>')).toBe(occurrences(html, '<title>'));
      expect(html, 'a quotation mark of theirs might end an attribute of ours').not.toContain(
        hostile.slice(0, 3),
      );
    }
  });

  it('says how the recipe was chosen and what the calibration weighs', async () => {
    const input = sampleReport();
    input.manifest.training.search = {
      folds: 3,
      examples: 1200,
      candidates: [
        { changes: {}, loss: 0.61234, calibratedLoss: 0.5876 },
        { changes: { epochs: 30 }, loss: 0.7, calibratedLoss: 0.65 },
      ],
    };
    input.manifest.calibration = { fused: [0.61, 0, 0.99], unimodal: [0.64, 1.61] };
    const html = await reportOf(input);
    for (const expected of [
      '3 folds',
      '1,200 training examples',
      '0.612',
      '0.588',
      'epochs 30',
      '0.99',
      '1.61',
    ])
      expect(html).toContain(expected);
    input.manifest.calibration = undefined;
    expect(await reportOf(input)).toContain('answers no better, so they are left as they are');
  });

  it('shows test examples beside the training examples that they look like', async () => {
    const input = sampleReport();
    const [test, other] = input.test;
    const train = { ...other, row: 999, truth: { class: 'walrus' }, text: 'almost the same' };
    const html = await reportOf({ ...input, nearDuplicates: [{ test, train, similarity: 0.9876 }] });
    for (const expected of [
      '1 test example of 300 looks',
      'tested on',
      'trained on',
      'row 999',
      'cosine 0.988',
    ])
      expect(html).toContain(expected);
    expect(html).toContain('<strong class="suggested"><bdi>walrus');
    expect(await reportOf({ ...input, nearDuplicates: [] })).toContain(
      'none of the 300 test examples looks like',
    );
    expect(await reportOf({ ...input, nearDuplicates: undefined })).toContain('not looked into');
  });

  it('links every cell of the confusion matrix to its examples, as many as it shows and how many more', async () => {
    const input = sampleReport({ strength: { image: 2, text: 2 } });
    const html = await reportOf(input);
    const outcomes = outcomesOf(input.manifest.labels, input.test);
    const cells = [
      ...html.matchAll(/<td class="(?:right|wrong)"[^>]*><a href="#(cell-(\d+)-(\d+))"[^>]*>(\d+)</g),
    ];
    expect(cells.length).toBeGreaterThan(20);
    let total = 0;
    for (const [, anchor, actual, predicted, number] of cells) {
      const members = outcomes.filter(
        (outcome) => outcome.actual === Number(actual) && outcome.predicted === Number(predicted),
      );
      expect(members).toHaveLength(Number(number));
      const examples = cellExamples(html, anchor);
      expect(occurrences(examples, 'class="card"')).toBe(Math.min(12, members.length));
      if (members.length > 12) expect(examples).toContain(`and ${members.length - 12} more`);
      total += members.length;
    }
    expect(total).toBe(outcomes.length);
  });

  it.each<[string, SampleOptions]>([
    ['of both modalities', {}],
    ['of images alone', { used: ['image'] }],
    ['of texts alone', { used: ['text'] }],
    ['of examples that lack one or the other', { partial: 0.6 }],
    ['of two labels and two examples', { labels: ['yes', 'no'], examples: 2, steps: 3 }],
    ['of one example, all other labels untested', { examples: 1 }],
    ['of 30 labels', { labels: numbered(30), strength: { image: 1, text: 1 } }],
    ['of 1,000 labels', { labels: numbered(1000), examples: 2000, steps: 3000 }],
    ['of no steps', { steps: 0 }],
  ])(
    '%s is complete: every link leads somewhere, no figure is a NaN, every tag is closed',
    async (_, options) => {
      const html = await reportOf(sampleReport({ examples: 60, ...options }));
      const ids = matches(html, /\sid="([^"]*)"/g);
      expect(new Set(ids).size).toBe(ids.length);
      for (const target of matches(html, /href="#([^"]*)"/g)) expect(ids).toContain(target);
      expect(html).not.toMatch(/NaN|Infinity|undefined|\[object|>null</);
      for (const tag of ['section', 'title', 'table', 'tr', 'svg', 'li', 'details'])
        expect(occurrences(html, `</${tag}>`)).toBe(html.match(new RegExp(`<${tag}[ >]`, 'g'))?.length ?? 0);
    },
  );

  it('shows the most confused pairs instead of a matrix where there are many labels', async () => {
    const html = await reportOf(sampleReport({ labels: numbered(100), strength: { image: 1, text: 1 } }));
    expect(html).toContain('The most confused pairs');
    expect(html).not.toContain('class="matrix"');
  });

  it('of 300 examples stays below 3 MB', async () => {
    const html = await reportOf(sampleReport({ images: photographs, strength: { image: 1, text: 1 } }));
    expect(occurrences(html, '<img')).toBeGreaterThan(200);
    expect(html.length).toBeLessThan(3e6);
  });

  it('leaves out a thumbnail that cannot be made, and nothing else', async () => {
    const folder = await temporaryFolder();
    const jpeg = await readFile(path.join(imagesFolder, 'cat.jpg'));
    const files = {
      'broken.jpg': jpeg.subarray(0, jpeg.length / 3),
      'drawing.jpg': '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
      'good.jpg': jpeg,
    };
    for (const [name, content] of Object.entries(files)) await writeFile(path.join(folder, name), content);
    const names = [...Object.keys(files), 'missing.jpg'];
    const input = sampleReport({ labels: ['yes', 'no'], examples: 4, strength: { image: 9, text: 9 } });
    for (const [index, example] of input.test.entries())
      example.content.image = { path: path.join(folder, names[index]) };
    const html = await reportOf(input);
    expect(matches(html, /<img [^>]*alt="Image of (row \d+)/g)).toEqual(['row 4']);
    for (const name of names) expect(html).toContain(name);
  });

  it('says whom ARL favours, and where it treats both modalities alike', async () => {
    const input = sampleReport({ examples: 20 });
    expect(await reportOf(input)).toContain('It favours the text');
    const even = input.history.statistics.map(([H, q, d]) => [H, q, d, [0.51, 0.49]]);
    expect(await reportOf({ ...input, history: { ...input.history, statistics: even } })).toContain(
      'Hardly.',
    );
  });

  it.each(Object.keys(strategies).filter((name) => name !== 'arl'))(
    'says that ARL was off with the strategy %s',
    async (strategy) => {
      const input = sampleReport({ examples: 20 });
      input.manifest.training.recipe.strategy = strategy;
      expect(await reportOf(input)).toContain('ARL was off.');
    },
  );

  it('is written of a training of very many steps', async () => {
    const input = sampleReport({ examples: 20 });
    const { statistics } = input.history;
    const long = Array.from({ length: 200_000 }, (_, step) => statistics[step % statistics.length]);
    expect(await reportOf({ ...input, history: { ...input.history, statistics: long } })).toContain(
      'Entropy, H',
    );
  });
});

describe('likely label errors', () => {
  const labelErrors = (options: SampleOptions) => {
    const { manifest, test } = sampleReport(options);
    const errors = likelyLabelErrors(outcomesOf(manifest.labels, test));
    return errors.map(({ outcome, suggested }) => ({ row: outcome.example.row, suggested, outcome }));
  };
  const strength = { image: 8, text: 9 };

  it('are mostly the examples whose labels were changed on purpose, with their true label suggested', () => {
    const flipped = Array.from({ length: 23 }, (_, index) => 13 * index);
    const found = labelErrors({ strength, flipped });
    const hits = found.filter(({ row }) => flipped.includes(row - 2));
    expect(hits.length / flipped.length).toBeGreaterThan(0.75);
    expect(hits.length / found.length).toBeGreaterThan(0.75);
    for (const { row, suggested } of hits) expect(suggested).toBe((row - 2) % 8);
  });

  it('are hardly any where all labels are right', () => {
    expect(labelErrors({ strength }).length).toBeLessThan(4);
  });

  it('need another example of the same label to compare with', () => {
    expect(labelErrors({ strength, examples: 8, flipped: [3] }).map(({ row }) => row)).not.toContain(4);
    expect(labelErrors({ examples: 1 })).toEqual([]);
  });

  it('are shown in the report beside what they seem to be', async () => {
    const html = await reportOf(sampleReport({ strength, flipped: [11] }));
    expect(html).toContain('perhaps <strong class="suggested"><bdi>rocket</bdi></strong>');
  });
});

describe('the figures of a report', () => {
  it('have intervals that hold for few examples', () => {
    expect(shareInterval(8, 10)).toEqual([expect.closeTo(0.4902, 3), expect.closeTo(0.9433, 3)]);
    expect(shareInterval(2, 2)[1]).toBe(1);
    const [low, high] = pairedInterval(10, 10, 100);
    expect(low).toBeCloseTo(-high);
    expect(pairedInterval(30, 5, 100)[0]).toBeGreaterThan(0);
  });

  it('keep every spike of a long curve, and pass over values that are no numbers', () => {
    const values = Array.from({ length: 10_000 }, (_, step) => (step === 7321 ? 99 : Math.sin(step)));
    const points = thin(values);
    expect(points.length).toBeLessThan(500);
    expect(points).toContainEqual([7322, 99]);
    expect(thin([1, Number.NaN, 3])).toEqual([
      [1, 1],
      [3, 3],
    ]);
    const smoothed = smooth(Array.from({ length: 100 }, (_, step) => (step === 50 ? Number.NaN : 2)));
    expect(smoothed.every((value) => value === 2)).toBe(true);
  });

  it('cut long texts between characters', () => {
    expect(shorten('short', 200)).toBe('short');
    expect(shorten('👩‍🚀'.repeat(9), 3)).toMatch(/^(👩‍🚀){1,3}…$/u);
    expect(shorten('a'.repeat(300), 200)).toBe(`${'a'.repeat(200)}…`);
  });
});
