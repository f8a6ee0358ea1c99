import { Server } from 'node:net';

/** A unit test opens no port; what needs one belongs to test/integration. */
Server.prototype.listen = () => {
  throw new Error('a unit test listens on a port: call the app as test/unit/protocols/double.ts does');
};
