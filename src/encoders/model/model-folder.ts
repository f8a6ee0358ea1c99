import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { missing } from '../../store/files/missing.ts';
import { unusable } from './unusable.ts';

/** `config.json`, as far as it matters here; what is inside depends on the architecture. */
const modelConfig = z.looseObject({
  model_type: z.string().optional(),
  architectures: z.array(z.string()).nullish(),
});
export type ModelConfig = z.infer<typeof modelConfig>;

/** Files larger than this are not read as text. */
const mostTextBytes = 64 * 2 ** 20;

/** Where Python's hub client keeps a model: its id and commit. */
const cacheSnapshot = /models--([^/\\]+)--([^/\\]+)[/\\]snapshots[/\\]([0-9a-f]{40})[/\\]?$/;

/**
 * The files of a model, as the Hugging Face hub has them. Data alone is read of them: JSON, text, ONNX. No code and no pickle
 * is ever loaded.
 * @example const model = await ModelFolder.open('bge-small-en-v1.5');
 */
export class ModelFolder {
  readonly path: string;
  /** Of all files below the folder, with slashes. */
  readonly names: readonly string[];
  readonly config: ModelConfig;

  private constructor(folder: string, names: readonly string[], config: ModelConfig) {
    this.path = folder;
    this.names = names;
    this.config = config;
  }

  /** @throws TandemError `invalid-encoder` where there is no such folder, or its config.json is missing or damaged */
  static async open(folder: string): Promise<ModelFolder> {
    const found = await stat(folder).catch(missing);
    if (!found?.isDirectory())
      throw unusable(
        `there is no folder ${folder}`,
        'Name a folder that has the model’s files: config.json, the tokenizer or the preprocessing, and its ONNX file.',
      );
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const names = entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
    const bare = new ModelFolder(folder, names, {});
    const config = await bare.json('config.json', modelConfig);
    if (!config) throw unusable(`${folder} has no config.json`);
    return new ModelFolder(folder, names, config);
  }

  has(name: string): boolean {
    return this.names.includes(name);
  }

  /** The text of a file; undefined if missing. */
  async text(name: string): Promise<string | undefined> {
    if (!this.has(name)) return undefined;
    const { size } = await stat(path.join(this.path, name));
    if (size > mostTextBytes)
      throw unusable(`${name} has ${size} bytes; ${mostTextBytes} are the limit of a text`);
    return readFile(path.join(this.path, name), 'utf8');
  }

  /**
   * What a JSON file holds; undefined if missing.
   * @throws TandemError `invalid-encoder` where it is not what the schema says
   */
  async json<Schema extends z.ZodType>(name: string, schema: Schema): Promise<z.infer<Schema> | undefined> {
    const text = await this.text(name);
    if (text === undefined) return undefined;
    try {
      return schema.parse(JSON.parse(text));
    } catch (cause) {
      throw unusable(
        `${name} cannot be read: ${(cause as Error).message}`,
        'Get the file again: it may be half a download.',
        cause,
      );
    }
  }

  /**
   * The whole path of a file that another file names.
   * @param from the file that names it
   * @throws TandemError `invalid-encoder` where the name leads out of the model's folder, or there is no such file
   */
  named(from: string, name: string): { name: string; file: string } {
    const joined = path.posix.join(path.posix.dirname(from), name);
    if (path.isAbsolute(name) || joined.startsWith('..'))
      throw unusable(`${from} names ${JSON.stringify(name)}, which is outside the model’s folder`);
    if (!this.has(joined))
      throw unusable(
        `${from} needs ${joined}, which is missing`,
        'Get that file as well, beside the others.',
      );
    return { name: joined, file: path.join(this.path, joined) };
  }

  /** What people call it: the model's name in a cache of Python's hub client, or the folder's. */
  get title(): string {
    const resolved = path.resolve(this.path);
    return cacheSnapshot.exec(resolved)?.[2] ?? path.basename(resolved);
  }

  /** Where its ONNX file is exported to. */
  get exportTo(): string {
    return path.join(this.path, 'onnx');
  }

  /** Where it comes from: `org/name@commit` in a cache of Python's hub client, or the folder's path. */
  get source(): string {
    const resolved = path.resolve(this.path);
    const [, owner, name, commit] = cacheSnapshot.exec(resolved) ?? [];
    return owner && name && commit ? `${owner}/${name}@${commit}` : resolved;
  }
}
