import type { Services } from '../server/services.ts';
import type { HeadRegistry } from '../store/heads.ts';

/** What the HTTP layer asks of the registry about versions and aliases. */
export function versionServices(registry: HeadRegistry): Services['versions'] {
  const get = async (name: string) => {
    await registry.resolve(name);
    const own = (await registry.list()).filter((head) => head.name === name);
    return { name, versions: own.map(({ version }) => version), aliases: await registry.aliases(name) };
  };
  return {
    get,
    async setAlias(name, alias, version) {
      await registry.setAlias(name, alias, version);
      return get(name);
    },
    async rollback(name, alias) {
      await registry.rollback(name, alias);
      return get(name);
    },
    async delete(name, version) {
      const { version: number } = await registry.resolve(`${name}@${version}`);
      await registry.delete(name, number);
      return registry.resolve(name).then(
        () => get(name),
        () => ({ name, versions: [], aliases: {} }),
      );
    },
  };
}
