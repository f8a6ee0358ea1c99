import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createServer, getCACertificates, setDefaultCACertificates } from 'node:tls';
import { promisify } from 'node:util';
import { endTogether } from './forward-proxy.ts';

/** A key, and a certificate of it for names, that this process trusts until it is disposed of. */
export async function trustedCertificate(names: readonly string[]) {
  const folder = await mkdtemp(path.join(tmpdir(), 'tls-'));
  const [keyFile, certFile] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
  const made = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
  ];
  const alternatives = names.map((name) => `DNS:${name}`).join(',');
  const named = ['-subj', `/CN=${names[0]}`, '-addext', `subjectAltName=${alternatives}`];
  await promisify(execFile)('openssl', [...made, ...named, '-keyout', keyFile, '-out', certFile]);
  const [key, cert] = [await readFile(keyFile, 'utf8'), await readFile(certFile, 'utf8')];
  await rm(folder, { recursive: true });
  const before = getCACertificates('default');
  setDefaultCACertificates([...before, cert]);
  return { key, cert, [Symbol.dispose]: () => setDefaultCACertificates(before) };
}

/** Speaks TLS in front of a port of the loopback. */
export async function tlsFront(port: number, certificate: { key: string; cert: string }) {
  const open = new Set<Socket>();
  const server = createServer(certificate, (socket) => {
    const target = connect(port, '127.0.0.1');
    open.add(socket).add(target);
    endTogether(socket, target);
    socket.pipe(target).pipe(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await once(server.close(), 'close');
    },
  };
}
