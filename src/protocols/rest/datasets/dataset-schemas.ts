import { z } from 'zod';
import { columnRoles } from '../../../datasets/read/choose-columns.ts';
import { contentCountsSchema } from '../../../modalities/content-counts.ts';
import { tableValues } from '../../../modalities/table/values.ts';
import { truthSchema } from '../../../targets/truth.ts';
import type { DatasetPage, DatasetSummary, DatasetTrial } from '../../pipeline/services.ts';

const exampleCounts = {
  examples: 300,
  content: { image: { examples: 290, files: 288 }, text: { examples: 300 } },
  train: 0,
  test: 0,
  labels: [
    { label: 'cat', examples: 160 },
    { label: 'dog', examples: 140 },
  ],
};
const counts = z
  .object({
    examples: z.int(),
    content: contentCountsSchema.meta({
      description:
        'Examples that have each modality, and different files, byte for byte; a modality that none has is left out.',
    }),
    train: z.int().meta({ description: 'Examples that the dataset itself puts on this side.' }),
    test: z.int(),
    labels: z
      .array(z.object({ label: z.string(), examples: z.int() }))
      .meta({ description: 'The most frequent first; none where numbers are to be learnt.' }),
    numbers: z
      .object({ least: z.number(), most: z.number(), mean: z.number(), distinct: z.int() })
      .optional()
      .meta({ description: 'Where numbers are to be learnt.' }),
  })
  .meta({ id: 'DatasetCounts' });

const exampleDataset = {
  id: 'pets-0a1b2c3d4e5f',
  name: 'pets',
  hash: '0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9',
  createdAt: '2026-01-31T12:00:00.000Z',
  counts: exampleCounts,
  notes: ['metadata.csv: not used: column "licence"'],
};
export const datasetSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    hash: z.string().meta({ description: 'sha256 over images, texts, labels and splits in their order.' }),
    createdAt: z.iso.datetime(),
    counts,
    notes: z.array(z.string()),
  })
  .meta({ id: 'Dataset', example: exampleDataset }) satisfies z.ZodType<DatasetSummary>;

export const datasetsSchema = z
  .object({
    offset: z.int(),
    total: z.int(),
    datasets: z.array(datasetSchema).meta({
      description: 'Of each, the 100 most frequent labels; GET /v1/datasets/{id} has all of them.',
    }),
    damaged: z
      .array(z.object({ id: z.string(), problem: z.string() }))
      .optional()
      .meta({
        description: 'Datasets of this page whose record cannot be used; absent where there are none.',
      }),
  })
  .meta({ example: { offset: 0, total: 1, datasets: [exampleDataset] } });

const split = z.enum(['train', 'test']).optional();

export const trialSchema = z
  .object({
    name: z.string(),
    problemCount: z.int(),
    problems: z.array(z.object({ at: z.string(), detail: z.string() })),
    leftOut: z
      .array(z.object({ at: z.string(), detail: z.string() }))
      .meta({ description: 'Rows that were left out, and why; the first thousand.' }),
    notes: z.array(z.string()),
    guesses: z
      .array(z.object({ file: z.string(), role: z.enum(columnRoles), column: z.string() }))
      .meta({ description: 'Columns that were found under another name than the default one.' }),
    counts,
    preview: z.array(
      z.object({
        at: z.string(),
        image: z.string().optional(),
        text: z.string().optional(),
        table: z.string().optional().meta({ description: 'Values by column, as JSON.' }),
        truth: truthSchema,
        split,
      }),
    ),
  })
  .meta({
    id: 'DatasetTrial',
    example: {
      name: 'pets',
      problemCount: 1,
      problems: [{ at: 'metadata.csv row 12', detail: 'no label: "label" is empty' }],
      leftOut: [],
      notes: [],
      guesses: [{ file: 'metadata.csv', role: 'image', column: 'photo' }],
      counts: exampleCounts,
      preview: [
        {
          at: 'metadata.csv row 2',
          image: 'cat.jpg',
          text: 'asleep on the sofa',
          truth: { class: 'cat' },
          split: 'train',
        },
      ],
    },
  }) satisfies z.ZodType<DatasetTrial>;

export const pageSchema = z
  .object({
    total: z.int(),
    offset: z.int(),
    rows: z.array(
      z.object({
        row: z.int(),
        text: z.string().optional(),
        table: tableValues.optional().meta({ description: 'Values by column.' }),
        truth: truthSchema,
        split,
        image: z
          .object({
            hash: z.string(),
            thumbnail: z.object({ url: z.string(), width: z.int(), height: z.int() }),
          })
          .optional(),
      }),
    ),
  })
  .meta({
    id: 'DatasetRows',
    example: {
      total: 300,
      offset: 0,
      rows: [
        {
          row: 2,
          text: 'asleep on the sofa',
          truth: { class: 'cat' },
          image: {
            hash: exampleDataset.hash,
            thumbnail: { url: 'data:image/webp;base64,UklGRg==', width: 96, height: 64 },
          },
        },
      ],
    },
  }) satisfies z.ZodType<DatasetPage>;
