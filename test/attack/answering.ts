import { setTimeout as pause } from 'node:timers/promises';

/** Milliseconds in which a server must answer, however busy the machine is. */
const longestSilence = 5000;
/** Milliseconds between two questions. */
const interval = 100;
/** So many answers in a row that it is not ready are too many; a machine that is busy makes one of them late. */
const mostUnready = 2;

/**
 * Asks a server whether it lives and is ready, again and again, while work goes on.
 * @returns what the work gives, and the answers that were not right, by the path that was asked
 * @example const { silent } = await whileAsked(server.address, () => server.send(attack)); // []
 */
export async function whileAsked<Result extends object>(
  address: string,
  work: () => Promise<Result>,
): Promise<Result & { silent: string[] }> {
  const silent: string[] = [];
  const over = new AbortController();
  const ask = async (path: string, mostFailures: number) => {
    for (let failures = 0; !over.signal.aborted; ) {
      const answer = await fetch(address + path, { signal: AbortSignal.timeout(longestSilence) }).then(
        async (response) => `${response.status} ${await response.text()}`,
        String,
      );
      failures = answer.startsWith('200 ') ? 0 : failures + 1;
      if (failures >= mostFailures) silent.push(`${path}: ${answer}`);
      await pause(interval, undefined, { signal: over.signal }).catch(() => {});
    }
  };
  const asked = Promise.all([ask('/healthz', 1), ask('/readyz', mostUnready)]);
  const result = await work().finally(() => over.abort());
  await asked;
  return { ...result, silent };
}
