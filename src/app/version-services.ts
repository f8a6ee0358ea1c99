import type { Services } from '../protocols/pipeline/services.ts';
import type { Heads } from './heads.ts';

/** What the HTTP layer asks about versions and aliases: the library's, as paths name them. */
export function versionServices(heads: Heads): Services['versions'] {
  return {
    ...heads,
    get: heads.versions,
    compare: (name, version, other) =>
      heads.compare(`${name}@${version}`, other.includes('@') ? other : `${name}@${other}`),
    accept: (name, version, accuracy) => heads.accept(`${name}@${version}`, accuracy),
    delete: (name, version) => heads.delete(name, Number(version)),
    async export(name, version) {
      const exported = await heads.export(`${name}@${version}`);
      return { name: `${exported.name}-${exported.version}`, content: exported.content };
    },
    import: (file, name) => heads.import(file, { name }),
    zeroShot: (name, request, signal) => heads.zeroShot(name, { ...request, signal }),
  };
}
