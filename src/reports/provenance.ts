import { h } from 'preact';
import type { HeadManifest } from '../heads/manifest.ts';
import { product } from '../product.ts';
import { count } from './format.ts';
import { foreign, type Markup, paragraph, table } from './markup.ts';

/** All that it takes to train the same head again. */
export function provenance({ training, encoders, weights }: HeadManifest): Markup {
  const facts: [string, Markup][] = [
    ['Dataset', foreign(training.dataset)],
    ['Hash of the dataset', h('code', null, training.datasetHash)],
    ['Seed', String(training.seed)],
    ['Provider', training.provider],
    [
      'Served head',
      training.refit
        ? `trained on all ${count(training.refit.examples, 'example')}, once the figures were measured`
        : `the one that was measured, trained on ${count(training.examples.training, 'example')}`,
    ],
    ...encoders.flatMap(({ modality, parts, ...encoder }) =>
      (parts ?? [encoder]).map(({ id, dimension, fingerprint, license, origin }): [string, Markup] => [
        `Encoder of the ${modality}`,
        [
          `${id}, ${count(dimension, 'feature')}, ${license ? `licence ${license}, ` : ''}`,
          origin ? `${origin.model}, ` : '',
          h('code', null, fingerprint),
        ],
      ]),
    ),
    ...encoders.flatMap(({ modality, companion }): [string, Markup][] =>
      companion
        ? [
            [
              `Beside the encoder of the ${modality}`,
              [
                `${companion.id}, ${count(companion.dimension, 'feature')} fitted to the training examples, `,
                h('code', null, companion.fingerprint),
              ],
            ],
          ]
        : [],
    ),
    ['Hash of the weights', h('code', null, weights)],
    ...Object.entries(training.recipe).map(([name, value]): [string, Markup] => [
      name,
      h('code', null, typeof value === 'string' ? value : JSON.stringify(value)),
    ]),
  ];
  return [
    paragraph(
      'The same dataset, recipe and seed on the same machine and provider give the same head, byte for byte.',
    ),
    table('Origin and recipe', [{ title: 'What' }, { title: 'Value' }], facts),
    h('footer', null, `Written by ${product.name} ${product.version}.`),
  ];
}
