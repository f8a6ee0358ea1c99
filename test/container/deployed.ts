import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type ContainerEngine, callEngine, limits } from '../../scripts/container/engine.ts';

const clientFile = fileURLToPath(new URL('client.ts', import.meta.url));

/** The image as a stranger runs it: read-only, without privileges, without a network, its data in one volume. */
export class Deployed {
  readonly #engine: ContainerEngine;
  readonly #image: string;
  readonly #files: string;
  readonly name = `tandem-test-${randomUUID().slice(0, 8)}`;

  /** What the client shows to be let in. */
  key = '';

  /** @param files folder that the client sees as /files */
  constructor(engine: ContainerEngine, image: string, files: string) {
    this.#engine = engine;
    this.#image = image;
    this.#files = files;
  }

  /** Runs a command of the image on the volume and waits for its end. @throws Error with what it said to stderr */
  command(...args: string[]): Promise<string> {
    return callEngine(this.#engine, 'run', '--rm', ...this.#sandbox(), this.#image, ...args);
  }

  /** Starts the server and doesn't wait for it. */
  async launch(...flags: string[]): Promise<void> {
    const args = ['run', '--detach', '--name', this.name, ...this.#sandbox(), this.#image, 'serve', ...flags];
    await callEngine(this.#engine, ...args);
  }

  /** Starts the server and waits until it is healthy. @throws Error where it ends instead */
  async start(...flags: string[]): Promise<void> {
    await this.launch(...flags);
    while (!(await this.healthy())) {
      if ((await this.inspect('{{.State.Running}}')) !== 'true')
        throw new Error(`the server ended with code ${await this.inspect('{{.State.ExitCode}}')}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  /** What the image's own health check says. */
  healthy(): Promise<boolean> {
    return this.inside('node', '/app/deploy/health-check.ts').then(
      () => true,
      () => false,
    );
  }

  /** Runs a program beside the server, in its container. */
  inside(...args: string[]): Promise<string> {
    return callEngine(this.#engine, 'exec', this.name, ...args);
  }

  inspect(format: string): Promise<string> {
    return callEngine(this.#engine, 'inspect', '--format', format, this.name);
  }

  /** SIGTERM, as `docker stop` sends it. @returns the server's exit code */
  async stop(): Promise<number> {
    await callEngine(this.#engine, 'stop', '--time', '30', this.name);
    const code = Number(await this.inspect('{{.State.ExitCode}}'));
    await callEngine(this.#engine, 'rm', this.name);
    return code;
  }

  /** Copies the volume into the folder of files while the server works, as docs/operations.md says. */
  async backUp(name: string): Promise<void> {
    const args = ['run', '--rm', ...this.#sandbox(), '--volume', `${this.#files}:/backups`];
    await callEngine(this.#engine, ...args, this.#image, 'backup', `/backups/${name}`);
  }

  /** Puts a copy into a new volume. */
  async restore(name: string): Promise<void> {
    const args = ['run', '--rm', ...this.#sandbox(), '--volume', `${this.#files}:/backups:ro`];
    const command = ['--entrypoint', 'cp', this.#image, '-a', `/backups/${name}/.`, '/data/'];
    await callEngine(this.#engine, ...args, ...command);
  }

  async remove(): Promise<void> {
    await callEngine(this.#engine, 'rm', '--force', '--volumes', this.name).catch(() => undefined);
    await callEngine(this.#engine, 'volume', 'rm', '--force', this.name);
  }

  /**
   * Starts the client in the server's network.
   * @returns its lines as they come, each parsed
   */
  async *lines(...args: string[]): AsyncGenerator<Record<string, unknown>> {
    const mounts = ['--volume', `${clientFile}:/client.ts:ro`, '--volume', `${this.#files}:/files:ro`];
    const network = ['--network', `container:${this.name}`];
    const options = [
      'run',
      '--rm',
      '--interactive',
      ...network,
      ...mounts,
      ...limits,
      ...['--env', `KEY=${this.key}`, '--entrypoint', 'node'],
    ];
    const [file, ...before] = this.#engine.command;
    const child = spawn(file, [...before, ...options, this.#image, '/client.ts', ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface({ input: child.stdout })) yield JSON.parse(line);
  }

  /** Runs the client to its end. @returns its last line */
  async ask(...args: string[]): Promise<{ status: number; body: never }> {
    let last: unknown;
    for await (const line of this.lines(...args)) last = line;
    return last as { status: number; body: never };
  }

  #sandbox(): string[] {
    const volume = ['--volume', `${this.name}:/data`];
    const privileges = ['--cap-drop', 'all', '--security-opt', 'no-new-privileges', '--read-only'];
    // Podman would add writable folders of its own, and needs systemd to repeat a health check.
    const podman = ['--read-only-tmpfs=false', '--no-healthcheck'];
    return [
      ...['--network', 'none', ...privileges, ...volume, ...limits],
      ...(this.#engine.name === 'podman' ? podman : []),
    ];
  }
}
