const {
  FAULT_KILLS = '200',
  FAULT_SEED,
  FAULT_STORES = 'embedded,postgres',
  FAULT_FLEET = 'full',
} = process.env;

/** How many processes are killed, over all stores. */
export const kills = Number(FAULT_KILLS);
/** What chance is drawn from; the same one asks for the same things in the same order. */
export const seed = Number(FAULT_SEED ?? Date.now() % 1_000_000);
/** `embedded`: SQLite and a folder. `postgres`: Postgres and an object store. */
export const stores = FAULT_STORES.split(',');
/** Whether the tests of a fleet (`fleet-*.test.ts`) are to be the short form, which CI runs. */
export const isShort = FAULT_FLEET === 'short';
