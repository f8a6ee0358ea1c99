import ipaddr from 'ipaddr.js';

/**
 * Whether an IP address is one of the open internet: not loopback, private, link-local, shared, multicast, reserved,
 * nor an IPv6 form that carries one of these.
 * @example isGlobalAddress('::ffff:127.0.0.1'); // false
 */
export function isGlobalAddress(address: string): boolean {
  // `process` turns IPv4 mapped into IPv6 back into IPv4.
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';
}

/** Whether an IP address is this machine's own loopback, in whichever form. */
export function isLoopbackAddress(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback';
}
