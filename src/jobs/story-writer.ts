import type { TrainingProgress } from '../training/progress.ts';
import type { Job } from './job.ts';
import type { TrainingListener } from './training-child.ts';

/** Progress is written down at most this often, in milliseconds. */
const progressInterval = 250;
/** Notes that a job keeps, and the characters of each: they come from the dataset as well. */
const mostNotes = 100;
const longestNote = 1000;

/**
 * What was said of a job, each thing once: one that resumes says it again.
 * @example new JobNotes(job.notes).add('2 rows left out'); // true
 */
export class JobNotes {
  readonly #notes: string[];

  constructor(earlier: readonly string[] = []) {
    this.#notes = [...earlier];
  }

  /** @returns whether it is new, and kept */
  add(note: string): boolean {
    const kept = note.length > longestNote ? `${note.slice(0, longestNote - 1)}…` : note;
    if (this.#notes.includes(kept) || this.#notes.length >= mostNotes) return false;
    this.#notes.push(kept);
    return true;
  }

  /** What they change of the job. */
  get change(): Pick<Job, 'notes'> {
    return this.#notes.length > 0 ? { notes: [...this.#notes] } : {};
  }
}

/**
 * Writes down what a training tells on its way, one at a time and not too often. Where the store is away for a while,
 * nothing is lost by it: notes are written with what comes next.
 */
export class StoryWriter implements TrainingListener {
  readonly #notes: JobNotes;
  readonly #write: (change: Pick<Job, 'progress' | 'notes'>) => Promise<void>;
  #told = 0;
  /** Resolves when all that was told is written down, or could not be. */
  written: Promise<void> = Promise.resolve();

  constructor(notes: JobNotes, write: (change: Pick<Job, 'progress' | 'notes'>) => Promise<void>) {
    this.#notes = notes;
    this.#write = write;
  }

  progress(progress: TrainingProgress): void {
    const now = performance.now();
    if (now - this.#told < progressInterval && progress.done < progress.total) return;
    this.#told = now;
    this.#queue({ progress });
  }

  note(note: string): void {
    if (this.#notes.add(note)) this.#queue({});
  }

  #queue(change: Pick<Job, 'progress'>): void {
    const whole = { ...change, ...this.#notes.change };
    this.written = this.written.then(() => this.#write(whole)).catch(() => {});
  }
}
