import ipaddr from 'ipaddr.js';

/** All IPv6 that the open internet is made of (https://www.iana.org/assignments/ipv6-address-space). */
const globalUnicastIpv6 = ipaddr.IPv6.parseCIDR('2000::/3');

/** Addresses that look global and lead to a service of the cloud that a machine runs in. */
const cloudServices = [
  // Azure's wire server: DHCP, DNS and the goal state of the machine.
  ipaddr.IPv4.parseCIDR('168.63.129.16/32'),
];

/**
 * Whether an IP address is one of the open internet. It is not where either of IANA's special-purpose registries lists it
 * (private, loopback, link-local, shared, documentation, benchmarking, multicast, reserved, protocol assignments), where it
 * is an IPv6 form that carries an IPv4 address other than `::ffff:0:0/96`, where it lies outside of `2000::/3`, or where it
 * belongs to a cloud's own services.
 * @example isGlobalAddress('::ffff:127.0.0.1'); // false
 */
export function isGlobalAddress(address: string): boolean {
  // ipaddr.js reads `::8.8.8.8`, as the system writes an IPv4-compatible address, as the mapped one.
  const plain = address.includes(':') ? URL.parse(`http://[${address}]`)?.hostname.slice(1, -1) : address;
  if (plain === undefined || !ipaddr.isValid(plain)) return false;
  // `process` turns IPv4 mapped into IPv6 back into IPv4.
  const parsed = ipaddr.process(plain);
  if (parsed.range() !== 'unicast') return false;
  return parsed instanceof ipaddr.IPv6
    ? parsed.match(globalUnicastIpv6)
    : !cloudServices.some((service) => parsed.match(service));
}

/** Whether an IP address is this machine's own loopback, in whichever form. */
export function isLoopbackAddress(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback';
}
