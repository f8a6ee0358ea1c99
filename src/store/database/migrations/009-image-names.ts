import { type Kysely, sql } from 'kysely';

/** Images are called images. Files of earlier releases stay where they are: every use says where its own lies. */
export async function renameImages(database: Kysely<never>): Promise<void> {
  const { schema } = database;
  await schema.alterTable('pictureUse').renameTo('imageUse').execute();
  await schema.alterTable('dataset').renameColumn('pictureUser', 'imageUser').execute();
  await sql`update ${sql.table('imageUse')}
    set ${sql.ref('key')} = 'pictures/' || substr(hash, 1, 2) || '/' || hash
    where ${sql.ref('key')} is null`.execute(database);
}
