import { type DatabaseIntrospector, type Kysely, PostgresDialect, sql } from 'kysely';

/**
 * Postgres as Kysely's migrations see it: only which tables one schema has. Kysely's own introspection asks for the
 * sequence of every column in every schema, and fails where anybody drops or renames one of them at that moment.
 */
export class OneSchemaDialect extends PostgresDialect {
  readonly #schema: string;

  constructor(schema: string, ...config: ConstructorParameters<typeof PostgresDialect>) {
    super(...config);
    this.#schema = schema;
  }

  override createIntrospector(database: Kysely<unknown>): DatabaseIntrospector {
    const schema = this.#schema;
    return {
      getSchemas: async () => [{ name: schema }],
      async getTables() {
        const { rows } = await sql<{ name: string }>`
          select class.relname as name
          from pg_catalog.pg_class as class
          join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
          where namespace.nspname = ${schema} and class.relkind in ('r', 'p')`.execute(database);
        return rows.map(({ name }) => ({ name, schema, isView: false, isForeign: false, columns: [] }));
      },
    };
  }
}
