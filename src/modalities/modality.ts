import type { z } from 'zod';
import type { SubmitOptions } from '../runtime/batcher.ts';
import type { Provider } from '../runtime/protocol.ts';
import type { Tensors } from '../runtime/tensor.ts';
import type { BatchShapes } from './batch-shapes.ts';
import type { FileCell } from './file-cell.ts';

/** What a request, or an example, brings of a modality for its encoder. */
export type Input = Uint8Array | string;

/** A file of a dataset, or what is wrong with it in words. */
export type FoundFile = { path: string } | { problem: string };

/** Content that was read, or what is wrong with it in words. */
export type ReadContent<Reference> = { reference: Reference } | { problem: string };

/** A cell of a table that is a file itself, as text or as bytes. */
export type InlineFile = string | FileCell;

/** Makes the folder that files out of tables go to, when the first is found. */
export type MakeFolder = () => Promise<string>;

/** Cells of a table that are a file themselves. */
export interface InlineFiles {
  is(value: unknown): value is InlineFile;
  /** @param folder where the file goes; undefined where nothing may be written, and then it is a problem */
  extract(value: InlineFile, folder: MakeFolder | undefined): Promise<FoundFile>;
  /** @throws TandemError that says what is wrong with it */
  bytesOf(value: InlineFile): Uint8Array;
}

/** A part of an item, and the item without it. */
export interface Omission<Part = object, Without = unknown> {
  part: Part;
  /** The same as it would be given, for a companion. */
  input?: Input;
  /** Called when it is needed, since an item may be large; undefined where nothing is left of it. */
  without(): Without | undefined | Promise<Without | undefined>;
}

export interface OmissionOptions {
  /** The most parts that the item is divided into. */
  most: number;
  /** The parts, as another encoder of the modality divided the item. */
  parts?: readonly object[];
  signal?: AbortSignal;
}

/** What makes features that stand beside an encoder's. */
export interface OpenCompanion<Given> {
  /** Length of a feature vector. */
  dimension: number;
  encode(given: Given): Float32Array;
}

/**
 * Features that stand beside an encoder's: what makes them is fitted to the training rows and kept in the head, in a file
 * of its own. Their mean over these rows is 0.
 */
export interface Companion<Given> {
  /** What a head calls that which makes them. */
  readonly id: string;
  /**
   * @param items of the training rows
   * @returns what makes the features; the same bytes for the same items; undefined where there are too few to fit to
   */
  fit(items: readonly Given[]): Uint8Array | undefined;
  /**
   * Makes ready to make features.
   * @param bytes what `fit` returned, or anything else
   * @throws Error that says what is wrong with them
   */
  open(bytes: Uint8Array): OpenCompanion<Given>;
}

/** How items of a modality become what an encoder takes. Preparing fails for one item alone. */
export interface Preparation<Prepared> {
  /**
   * Decodes or tokenizes an item when its turn comes.
   * @param options an abort takes it out of the queue; one that runs already is finished and forgotten
   * @throws TandemError that names what is wrong with the item; the signal's reason where it aborts
   */
  prepare(input: Input, options?: SubmitOptions): Promise<Prepared>;
  /** Gives back the memory of what was prepared and is not needed any more, before the garbage collector would. */
  release?(prepared: Prepared): void;
  /**
   * Divides an item into parts and prepares it without each, so that what rests on a part can be measured. Absent where
   * items have no parts.
   * @throws as `prepare`
   */
  omit?(input: Input, options: OmissionOptions): Promise<Omission<object, Prepared>[]>;
  /** What an item costs, in the modality's unit. */
  costOf(prepared: Prepared): number;
  /** What it costs in a batch, where that is padded to one of a few shapes; see {@link BatchShapes}. */
  paddedCostOf(prepared: Prepared): number;
  /** What running a batch costs beside its items, in the same unit. */
  readonly overhead: number;
  /** The largest budget of a batch, up to this one, that padding can't exceed. */
  fitBudget(budget: number): number;
  /** The tensors of a batch; rows of padding come last. */
  join(batch: readonly Prepared[]): Tensors;
  /** Ends threads. */
  close(): Promise<void>;
}

/**
 * A modality: what tells its content apart and keeps it, whatever makes features of it. Every modality is either
 * {@link PretrainedModality} or {@link FittedModality}, and listed in the registry as such; nothing outside its folder, wire
 * formats and flags aside, knows which there are.
 */
export interface Modality<
  Name extends string = string,
  Reference = unknown,
  Stored = unknown,
  Given = unknown,
  Part extends object = object,
> {
  readonly name: Name;
  /** Content that code passes, as a schema; the inputs of a data set may be files besides. */
  readonly given: z.ZodType<Given>;
  /** A piece of its content, with the article. */
  readonly noun: string;
  /** Equal content, equal identity, and the other way round. */
  identityOf(reference: Reference): string;
  /** Near copies that are alike but for what nobody notices have the same; undefined where it says too little. */
  likenessOf(reference: Reference): string | undefined;
  /** 256 bits, hexadecimal, of which near copies differ in few. */
  looksOf?(reference: Reference): string | undefined;
  /** What a message about an example calls its content. */
  subjectOf(reference: Reference): string;
  /**
   * Looks at content once, for all examples that have it, and adds what is found out about it.
   * @returns the reference, or what is wrong in words
   */
  check?(reference: Reference): Promise<ReadContent<Reference>>;
  /** Content as an imported dataset keeps it, JSON; files are kept beside it. */
  readonly stored: z.ZodType<Stored>;
  store(reference: Reference): Stored;
  /** @param path where the file lies that the content has */
  restore(stored: Stored, path?: string): Reference;
  /** Of content that is a file. */
  readonly file?: {
    pathOf(reference: Reference): string;
    /** sha256 of its bytes, hexadecimal; undefined where it was not looked at yet. */
    sha256Of(stored: Stored): string | undefined;
  };
  /** Whether an item that is there says nothing. */
  isEmpty(given: Given): boolean;
  /** What names a part of an item in an explanation; absent where items have no parts. */
  readonly part?: z.ZodType<Part>;
  /** A part in a few words; absent where parts are the cells of a square grid, row by row. */
  namePart?(part: Part): string;
}

/** A modality whose features a pretrained encoder makes: one column of a table, or a file. */
export interface PretrainedModality<
  Name extends string = string,
  Reference = unknown,
  Stored = unknown,
  Preprocessing = unknown,
  Prepared = unknown,
  Part extends object = object,
> extends Modality<Name, Reference, Stored, Input, Part> {
  /** The column of a table that has it by default. */
  readonly column: string;
  /** Other names that people give it: in lower case, without spaces, `_` and `-`. */
  readonly otherColumns: readonly string[];
  /** The same of columns with the addresses of its files: they are read where files are downloaded. */
  readonly addressColumns?: readonly string[];
  /**
   * Reads a cell of that column.
   * @param findFile a file that the dataset names
   */
  fromCell(cell: string, findFile: (name: string) => Promise<FoundFile>): Promise<ReadContent<Reference>>;
  /** Where a cell may be a file instead of naming one. */
  readonly inline?: InlineFiles;
  /** The names of its files in a folder per class, and of files that are not read: the hint says what is instead. */
  readonly extensions: readonly string[];
  readonly unsupported?: { extensions: readonly string[]; hint: string };
  /**
   * Reads such a file.
   * @param readText a text file, trimmed
   * @returns undefined where it is empty
   */
  fromFile(
    path: string,
    readText: (path: string) => Promise<{ text: string } | { problem: string }>,
  ): Promise<ReadContent<Reference> | undefined>;
  /** An encoder's input, from what an example has of this modality. */
  inputOf(reference: Reference): Input;
  /** sha256 of the content, hexadecimal: its features are kept under it. */
  sha256Of(reference: Reference): string | Promise<string>;
  /** What its cost is counted in, in the plural. */
  readonly unit: string;
  /** What preparing an item is called among the stages of a request. */
  readonly stage: string;
  /** What an encoder's specification says of its input. */
  readonly preprocessing: z.ZodType<Preprocessing>;
  /** Raised whenever the same item is prepared into something else: heads trained before don't fit then. */
  readonly revision?: number;
  /**
   * Raised whenever what is prepared differs by less than heads notice: features made before are not mixed with new ones
   * then, and heads trained before still fit.
   */
  readonly fineRevision?: number;
  /** The most that a batch of requests' items costs by default. */
  readonly budgets: Readonly<Record<Provider, number>>;
  /** How many items a batch of a dataset has. */
  readonly batchItems: Readonly<Record<Provider, number>>;
  /**
   * Where the shape of a batch decides the last bits of its features: the shape of an item. Batches of a dataset then hold
   * items of one shape, and always as many, so that features are the same whatever the cache had.
   */
  shapeOf?(prepared: Prepared): number;
  /** What may make features beside an encoder's, from the same input. */
  readonly companion?: Companion<Input>;
  /** The smallest item that an encoder takes, which proves that it works. */
  readonly probe: Input;
  /** An item of usual size, to measure speed with. */
  sample(): Promise<Input>;
  /** Items that differ in size and content, to check an encoder with; always the same. */
  variety(): Promise<Input[]>;
  /**
   * Makes ready to prepare items for an encoder.
   * @param folder the encoder's
   * @throws Error where a file is missing or damaged
   */
  open(encoder: {
    folder: string;
    preprocessing: Preprocessing;
    shapes: BatchShapes;
  }): Promise<Preparation<Prepared>>;
}

/** A column of a fitted modality, and what it holds. */
export interface FittedColumn {
  name: string;
  kind: string;
}

/** What makes features by a specification. */
export interface Fitted<Reference> {
  encode(given: Reference): Float32Array;
}

/** Content of all examples of a dataset, looked at together, and what is wrong with it in words. */
export interface SettledContent<Reference> {
  references: Reference[];
  problems: { at: string; problem: string }[];
}

/**
 * A modality of several columns of a table that no encoder was trained on: a specification makes its features, which is
 * fitted to the training rows and kept in the head.
 */
export interface FittedModality<
  Name extends string = string,
  Reference = unknown,
  Stored = unknown,
  Specification = unknown,
  Part extends object = object,
> extends Modality<Name, Reference, Stored, Reference, Part> {
  /** What a head calls that which makes its features. */
  readonly id: string;
  /** Columns that it may be read from. */
  readonly mostColumns: number;
  /**
   * Reads the cells of its columns in a row, trimmed; empty where there is nothing.
   * @returns undefined where all are empty
   */
  fromCells(cells: ReadonlyMap<string, string>): Reference | undefined;
  /** Looks at what all examples of a dataset have: what a column holds shows in all of its rows. */
  settle(references: readonly Reference[], columns: readonly string[]): SettledContent<Reference>;
  /** What an export writes, by column. */
  cellsOf(stored: Stored): Readonly<Record<string, unknown>>;
  /** What its features are made by, as a head keeps it; JSON. */
  readonly specification: z.ZodType<Specification>;
  /**
   * @param references of all examples; undefined where one has nothing of it
   * @param training the rows to fit to
   */
  fit(references: readonly (Reference | undefined)[], training: readonly number[]): Specification;
  /** The columns that its features are made of, for people who ask a head. */
  columnsIn(specification: Specification): FittedColumn[];
  /** Divides an item into parts, and says what is left without each. Absent where items have no parts. */
  omit?(given: Reference): Omission<Part, Reference>[];
  /** Length of a feature vector. */
  dimensionOf(specification: Specification): number;
  /**
   * Makes ready to make features.
   * @returns what makes them; it throws TandemError that names what is wrong with an item
   */
  open(specification: Specification): Fitted<Reference>;
}
