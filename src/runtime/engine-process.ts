/** The process of an engine that can be killed. */
import { endWithParent } from './end-with-parent.ts';
import { serveSessions } from './engine-sessions.ts';
import { engineReady } from './protocol.ts';

endWithParent();
process.on(
  'message',
  serveSessions(JSON.parse(process.argv[2]), {
    respond: (response) => void process.send!(response),
    close: () => process.disconnect(),
    // They are views of what came over the channel, and so may be those of the next request.
    ownsBuffers: false,
  }),
);
process.send!(engineReady);
