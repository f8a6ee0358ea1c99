import { compareManifests } from '../evaluation/compare-manifests.ts';
import { parseHeadManifest } from '../heads/head.ts';
import { exportHead, type ImportOptions, importHead } from '../heads/package.ts';
import type { HeadRegistry } from '../heads/registry/heads.ts';
import type { Services } from '../protocols/pipeline/services.ts';

/** What the HTTP layer asks of the registry about versions and aliases. */
export function versionServices(
  registry: HeadRegistry,
  importing: Omit<ImportOptions, 'name'>,
): Services['versions'] {
  const get = async (name: string) => {
    await registry.resolve(name);
    return { name, versions: await registry.versions(name), aliases: await registry.aliases(name) };
  };
  const manifestOf = async (reference: string) => {
    const { name, version, manifest } = await registry.resolve(reference);
    return parseHeadManifest(manifest, `${name}@${version}`);
  };
  return {
    get,
    async compare(name, version, other) {
      const second = other.includes('@') ? other : `${name}@${other}`;
      return compareManifests(await manifestOf(`${name}@${version}`), await manifestOf(second));
    },
    async setAlias(name, alias, version) {
      await registry.setAlias(name, alias, version);
      return get(name);
    },
    async rollback(name, alias) {
      await registry.rollback(name, alias);
      return get(name);
    },
    async export(name, version) {
      const found = await registry.open(`${name}@${version}`);
      return { name: `${name}-${found.version}`, content: await exportHead(found, importing.workspace) };
    },
    async import(file, name) {
      const registered = await importHead(registry, file, { ...importing, name });
      return { name: registered.name, version: registered.version };
    },
    async deleteAlias(name, alias) {
      await registry.deleteAlias(name, alias);
      return get(name);
    },
    async delete(name, version) {
      await registry.delete(name, Number(version));
      return registry.resolve(name).then(
        () => get(name),
        () => ({ name, versions: [], aliases: {} }),
      );
    },
  };
}
