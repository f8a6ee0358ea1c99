/** A model of the hub: `owner/name`, and a branch, tag or commit where one is named. */
export interface ModelName {
  owner: string;
  name: string;
  revision?: string;
}

const part = String.raw`[A-Za-z0-9](?:[\w.-]{0,94}[\w-])?`;
const pattern = new RegExp(`^(${part})/(${part})(?:@([\\w./-]{1,200}))?$`);

/**
 * Reads a model's name as the hub has it; undefined of anything else, such as a folder.
 * @example parseModelName('Xenova/bge-small-en-v1.5@main') // { owner: 'Xenova', name: 'bge-small-en-v1.5', revision: 'main' }
 */
export function parseModelName(text: string): ModelName | undefined {
  const [, owner, name, revision] = pattern.exec(text) ?? [];
  if (owner === undefined || name === undefined) return undefined;
  // The hub allows neither of these, and both would name other folders.
  if (/\.\.|--/.test(owner + name) || (revision !== undefined && /\.\.|\/\/|^\/|\/$/.test(revision)))
    return undefined;
  return { owner, name, ...(revision !== undefined && { revision }) };
}

/** @example idOf({ owner: 'Xenova', name: 'bge-small-en-v1.5' }) // 'Xenova/bge-small-en-v1.5' */
export function idOf({ owner, name }: ModelName): string {
  return `${owner}/${name}`;
}

/** Whether a revision is a commit's whole name, which stands for the same files forever. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}
