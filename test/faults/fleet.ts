import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runCommand, type StartedServer, startServerIn } from '../e2e/server.ts';
import { type ObjectStore, startObjectStore, storeEnvironment } from '../stores/object-store.ts';
import { type PostgresServer, startPostgres } from '../stores/postgres-server.ts';
import { Client } from './client.ts';
import { FaultProxy } from './proxy.ts';

/** One core is enough for a server that is tried for what it keeps; its errors are part of the trial. */
const usualFlags = ['--engines', '1', '--threads', '1', '--log-level', 'fatal'];

/** Servers on one Postgres and one object store, each with a data folder and links of its own. */
export interface Fleet extends AsyncDisposable {
  postgres: PostgresServer;
  objects: ObjectStore;
  members: FleetMember[];
  /** Of a key with the scope `admin`. */
  secret: string;
}

/**
 * Prepares a fleet; its servers are not started yet. It ends, and its folders go, with its scope.
 * @example
 * await using fleet = await prepareFleet(2);
 * const [first, second] = fleet.members;
 * await Promise.all([first.start(), second.start('--max-jobs', '4')]);
 * first.links.database.hang();
 * await first.client.expect(200, 'GET', '/readyz');
 */
export async function prepareFleet(servers: number): Promise<Fleet> {
  await using ending = new AsyncDisposableStack();
  const [postgres, objects] = await Promise.all([startPostgres(), startObjectStore()]);
  ending.defer(async () => void (await Promise.all([postgres.stop(), objects.stop()])));
  const folder = await mkdtemp(path.join(tmpdir(), 'faults-fleet-'));
  ending.defer(() => rm(folder, { recursive: true, force: true }));
  const key = await runCommand(
    ...['keys', 'create', 'fleet', '--scope', 'admin', '--json'],
    ...['--data', path.join(folder, 'keys'), '--database-url', postgres.address],
  );
  const { secret } = JSON.parse(key.stdout);
  const members: FleetMember[] = [];
  for (let number = 0; number < servers; number++) {
    const [database, artifacts] = await Promise.all(
      [postgres.address, objects.endpoint].map(async (address) => {
        const { hostname, port } = new URL(address);
        return ending.use(await FaultProxy.to({ host: hostname, port: Number(port) }));
      }),
    );
    const data = path.join(folder, `server-${number}`);
    const links = { database, artifacts };
    members.push(
      ending.use(new FleetMember({ data, links, secret, database: postgres.address, place: objects.place })),
    );
  }
  const all = ending.move();
  return { postgres, objects, members, secret, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

interface MemberOptions {
  data: string;
  links: { database: FaultProxy; artifacts: FaultProxy };
  secret: string;
  /** Address without a proxy. */
  database: string;
  /** `s3://…` */
  place: string;
}

/** One server of a fleet. */
export class FleetMember implements AsyncDisposable {
  /** Its own folder. */
  readonly data: string;
  /** Its connections to the database and the object store. */
  readonly links: MemberOptions['links'];
  readonly #options: MemberOptions;
  #server: StartedServer | undefined;

  constructor(options: MemberOptions) {
    this.data = options.data;
    this.links = options.links;
    this.#options = options;
  }

  get server(): StartedServer {
    if (!this.#server) throw new Error('this server is not started');
    return this.#server;
  }

  /** Asks it with the key of the scope `admin`. */
  get client(): Client {
    return new Client(this.server.address, this.#options.secret);
  }

  /** What names its store on the command line: the database through its link, and the artifacts. */
  get flags(): string[] {
    const database = new URL(this.#options.database);
    database.port = String(this.links.database.port);
    return ['--data', this.data, '--database-url', database.href, '--artifacts', this.#options.place];
  }

  /** What lets a process find the object store through its link. */
  get environment(): Record<string, string> {
    return storeEnvironment(`http://127.0.0.1:${this.links.artifacts.port}`);
  }

  start(...flags: string[]): Promise<void> {
    return this.startIn({}, ...flags);
  }

  /** The same with more in its environment. */
  async startIn(environment: Record<string, string>, ...flags: string[]): Promise<void> {
    const all = { ...this.environment, ...environment };
    this.#server = await startServerIn(all, ...this.#command(flags));
  }

  /** Sends SIGTERM. @returns the exit code */
  stop(): Promise<number | null> {
    return this.#end((server) => server.stop(), null);
  }

  /** Sends SIGKILL. */
  kill(): Promise<void> {
    return this.#end((server) => server.kill(), undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  #command(flags: string[]): [data: string, ...flags: string[]] {
    const [, data, ...others] = this.flags;
    return [data, ...others, ...usualFlags, ...flags];
  }

  async #end<Result>(how: (server: StartedServer) => Promise<Result>, none: Result): Promise<Result> {
    const server = this.#server;
    this.#server = undefined;
    return server ? how(server) : none;
  }
}
