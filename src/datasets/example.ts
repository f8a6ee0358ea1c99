import type { ContentColumns, ReadColumns } from '../modalities/content-columns.ts';
import type { Content } from '../modalities/registry.ts';
import type { TargetKind } from '../targets/target-kind.ts';
import type { Truth } from '../targets/truth.ts';

/** One labelled example to learn from: an image, a text or both. */
export interface Example {
  /** Line of the metadata file where it stands; in a folder per class, its number in order of path, from 1. */
  row: number;
  content: Content;
  /** Its label, labels or number, as the dataset's target has it. */
  truth: Truth;
  /** Where the dataset itself says which side the example belongs to. */
  split?: 'train' | 'test';
  /** Examples of one group are never on two sides of a split. */
  group?: string;
}

/** An example as it was found, before its content is checked. `at` says where, for problems. */
export type FoundExample = Example & { at: string };

export interface Dataset {
  /** Name of the folder. */
  name: string;
  /** What is to be learnt. */
  target: TargetKind;
  /** Every label once, in order of code units; for numbers, what they are called. */
  labels: string[];
  /** In the order of the metadata file, or of the paths. */
  examples: Example[];
  /**
   * sha256 over content, labels and splits in their order. Moving the folder or renaming files leaves
   * it as it is.
   */
  hash: string;
  /** What is no mistake but worth telling: columns not used, files not named, the same content on both sides. */
  notes: string[];
}

/** What becomes of labels that have too few examples to be both learnt and tested. */
export const rareLabelChoices = ['refuse', 'drop', 'keep'] as const;
export type RareLabelChoice = (typeof rareLabelChoices)[number];

/** What becomes of a row with several images. */
export const imageChoices = ['first', 'each'] as const;
export type ImageChoice = (typeof imageChoices)[number];

/** Which columns of a metadata file hold what, and how its rows are to be read. */
export interface ColumnNames extends ContentColumns, RowOptions {
  /** Which side an example belongs to; `split` by default. */
  splitColumn?: string;
}

/** The same as one table is read by: null where a default name stands for something else, and no other column is found. */
export interface ReadNames extends ReadColumns, RowOptions {
  splitColumn?: string | null;
}

interface RowOptions {
  labelColumn: string;
  target: TargetKind;
  /** Between the labels of a row, where it may have several. */
  labelSeparator: string;
  /** Rows with the same value in it stay on one side of a split; none by default. */
  groupColumn?: string;
  /** Of several images in a row: the first, or each as an example of one group. Default: `first`. */
  images?: ImageChoice;
  /** Columns that are not read, whatever they are called. */
  ignoredColumns?: readonly string[];
  /** Whether rows that cannot be used are left out; else one of them keeps the dataset from being used. */
  skipBadRows?: boolean;
  /** Default: `refuse`. */
  rareLabels?: RareLabelChoice;
}
