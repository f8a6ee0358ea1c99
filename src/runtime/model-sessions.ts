import { LRUCache } from 'lru-cache';
import type { InferenceSession } from 'onnxruntime-node';
import type { Tensors } from './tensor.ts';

/** Shapes of one model that sessions are kept for. */
const mostShapes = 8;

/** The sessions of one model: one for all inputs, or one for each shape of the inputs that was met lately. */
export class ModelSessions {
  readonly #create: () => Promise<InferenceSession>;
  readonly #keyOf: (feeds: Tensors) => string;
  readonly #byShape: LRUCache<string, InferenceSession>;
  /** What showed that the model loads; the first shape takes it. */
  #first: InferenceSession | undefined;

  private constructor(first: InferenceSession, create: () => Promise<InferenceSession>, perShape: boolean) {
    this.#create = create;
    this.#keyOf = perShape ? shapesOf : () => 'any';
    this.#byShape = new LRUCache({ max: mostShapes });
    this.#first = first;
  }

  /** @param create loads the model once more; whatever it throws is thrown on */
  static async load(create: () => Promise<InferenceSession>, perShape = false): Promise<ModelSessions> {
    return new ModelSessions(await create(), create, perShape);
  }

  /** The session that runs these inputs. */
  async of(feeds: Tensors): Promise<InferenceSession> {
    const key = this.#keyOf(feeds);
    const known = this.#byShape.get(key);
    if (known) return known;
    if (this.#byShape.size === mostShapes) await this.#byShape.pop()?.release();
    const session = this.#first ?? (await this.#create());
    this.#first = undefined;
    this.#byShape.set(key, session);
    return session;
  }

  async release(): Promise<void> {
    await this.#first?.release();
    for (const session of this.#byShape.values()) await session.release();
  }
}

function shapesOf(feeds: Tensors): string {
  return Object.entries(feeds)
    .map(([name, { dims }]) => `${name} ${dims.join(' ')}`)
    .join();
}
