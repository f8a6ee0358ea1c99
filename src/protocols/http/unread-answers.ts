import type { Server, ServerResponse } from 'node:http';

/** Milliseconds between two looks at how much all readers together leave unread. */
const interval = 1000;

/**
 * Ends answers that nobody reads: what is written and not read stays in memory. A reader may be slow, as long as something
 * moves within the socket's timeout, which {@link endUnfinishedBodies} sets; where all answers together leave too much
 * unread, those that hold most of it are ended.
 * @param mostUnread bytes of all answers together
 */
export function endUnreadAnswers(server: Server, { mostUnread }: { mostUnread: number }): void {
  const open = new Set<ServerResponse>();
  let watch: NodeJS.Timeout | undefined;
  server.on('request', (_request, response) => {
    open.add(response);
    watch ??= setInterval(() => endLargest(open, mostUnread), interval).unref();
    response.once('close', () => {
      open.delete(response);
      if (open.size > 0) return;
      clearInterval(watch);
      watch = undefined;
    });
    // Node looks whether anything moved before it says so.
    response.on('timeout', () => {
      if (response.writableLength > 0) response.destroy();
    });
  });
}

function endLargest(open: ReadonlySet<ServerResponse>, mostUnread: number): void {
  let unread = 0;
  for (const { writableLength } of open) unread += writableLength;
  if (unread <= mostUnread) return;
  for (const response of [...open].sort((a, b) => b.writableLength - a.writableLength)) {
    unread -= response.writableLength;
    response.destroy();
    if (unread <= mostUnread) return;
  }
}
