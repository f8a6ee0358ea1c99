import { h } from 'preact';
import type { HeadManifest } from '../heads/manifest.ts';
import { product } from '../product.ts';
import { htmlDocument } from './document.ts';
import { count, day } from './format.ts';
import { foreign, type Markup, paragraph, table } from './markup.ts';

/** Labels that the page lists. */
const mostListed = 1000;

/** The whole page of a head that was made of the names of its labels. */
export function zeroShotPage(manifest: HeadManifest): string {
  const { name, version, labels, createdAt } = manifest;
  const title = `${name}@${version}`;
  const header = h(
    'header',
    null,
    h('h1', null, foreign(title)),
    h(
      'p',
      { class: 'verdict' },
      `Made of the names of ${count(labels.length, 'label')} on ${day(createdAt)}, without any example. How good it is was not measured.`,
    ),
  );
  const measure = `Measure it on labelled examples with ${product.command} evaluate --head ${title}, and train it on with ${product.command} train --start-from ${title}.`;
  return htmlDocument(title, header, [
    { id: 'labels', title: 'What can it say?', content: labelTable(labels) },
    { id: 'origin', title: 'How was it made?', content: [paragraph(measure), origin(manifest)] },
  ]);
}

function labelTable(labels: readonly string[]): Markup {
  const rows = labels.slice(0, mostListed).map((label) => [foreign(label)]);
  const caption = labels.length > mostListed ? `The first ${mostListed} labels` : 'Labels';
  return table(caption, [{ title: 'Label' }], rows);
}

function origin({ encoders, target, weights, zeroShot }: HeadManifest): Markup {
  const facts: [string, Markup][] = [
    ['Target', target],
    ...(zeroShot?.templates ?? []).map((template): [string, Markup] => ['Template', foreign(template)]),
    ['Scale of the cosines', String(zeroShot?.logitScale)],
    ['Bias', String(zeroShot?.logitBias)],
    [
      'Encoder of the labels',
      [`${zeroShot?.textEncoder.id} `, h('code', null, zeroShot?.textEncoder.fingerprint)],
    ],
    ...encoders.map(({ modality, id, license, fingerprint }): [string, Markup] => [
      `Encoder of the ${modality}`,
      [`${id}, ${license ? `licence ${license}, ` : ''}`, h('code', null, fingerprint)],
    ]),
    ['Hash of the weights', h('code', null, weights)],
  ];
  return table('Origin', [{ title: 'What' }, { title: 'Value' }], facts);
}
