/** The process of an engine that can be killed. */
import { required } from '../indexing.ts';
import { endWithParent } from './end-with-parent.ts';
import { engineOptions } from './engine-arguments.ts';
import { serveSessions } from './engine-sessions.ts';
import { engineReady } from './protocol.ts';

const send = required(process.send, 'the channel to the parent process').bind(process);

endWithParent();
process.on(
  'message',
  serveSessions(engineOptions(process.argv.slice(2)), {
    respond: (response) => void send(response),
    close: () => process.disconnect(),
    // They are views of what came over the channel, and so may be those of the next request.
    ownsBuffers: false,
  }),
);
send(engineReady);
